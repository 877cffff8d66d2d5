//! What is asked before a code is told.

use crate::delivery::tongue::Tongue;

/// Who calls, and what to do to hear the code.
pub(super) fn question(tongue: Tongue, name: &str) -> String {
    match tongue {
        Tongue::English => format!("Hello. This is {name}. To hear your code, press any key."),
        Tongue::German => {
            format!("Guten Tag. Hier ist {name}. Um Ihren Code zu hören, drücken Sie eine beliebige Taste.")
        }
        Tongue::French => {
            format!("Bonjour. Ici {name}. Pour entendre votre code, appuyez sur n'importe quelle touche.")
        }
        Tongue::Spanish => format!("Hola. Le llama {name}. Para oír su código, pulse cualquier tecla."),
        Tongue::Malay => format!("Helo. Ini {name}. Untuk mendengar kod anda, tekan mana-mana kekunci."),
        Tongue::Japanese => {
            format!("こんにちは。{name}です。コードを聞くには、いずれかのキーを押してください。")
        }
    }
}
