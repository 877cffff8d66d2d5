//! Random requests of a provider, and single bits of them that change.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// Random texts of the kinds that stand in addresses and forms.
pub(crate) struct Texts<'a>(pub(crate) &'a mut StdRng);

impl Texts<'_> {
    /// Letters, digits, what must be escaped, and what is longer than a byte.
    pub(crate) fn text(&mut self, longest: usize) -> String {
        const LETTERS: &[char] = &[
            'a', 'b', 'z', 'A', 'Z', '0', '1', '9', ' ', '+', '%', '&', '=', '?', '#', '/', '.', '-', '_', '~', '"',
            '\'', '<', '\n', 'é', 'ß', '日', '🔑',
        ];
        let length = self.0.random_range(1..=longest);
        (0..length).map(|_| LETTERS[self.0.random_range(0..LETTERS.len())]).collect()
    }

    /// An address, with or without a port and a query, which has ASCII alone.
    pub(crate) fn url(&mut self) -> String {
        let scheme = ["https", "http"][self.0.random_range(0..2)];
        let port = ["", "", ":8443", ":443"][self.0.random_range(0..4)];
        let mut url = format!("{scheme}://otp.example.test{port}/.otpgate/receipts/x");
        for number in 0..self.0.random_range(0..4) {
            let text = self.text(12);
            let value: String = text.chars().filter(char::is_ascii).collect();
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            url.push_str(&format!("{}{}={value}", if number == 0 { '?' } else { '&' }, ["m", "a", "bb"][number]));
        }
        url
    }

    /// Fields that a provider may add any day, some of them several times, one of them empty.
    pub(crate) fn add_fields(&mut self, form: &mut Vec<(String, String)>) {
        for number in 0..self.0.random_range(0..6) {
            let name = format!("X{}", self.text(6));
            for _ in 0..self.0.random_range(1..3) {
                let value = if number == 1 { String::new() } else { self.text(20) };
                form.push((name.clone(), value));
            }
        }
    }
}

/// The body of a form.
pub(crate) fn form_body<K: AsRef<str>, V: AsRef<str>>(form: &[(K, V)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        body.append_pair(name.as_ref(), value.as_ref());
    }
    body.finish()
}

/// `text` with one random bit changed; it has ASCII alone before and after.
pub(crate) fn flip(text: &str, random: &mut StdRng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = random.random_range(0..bytes.len());
    bytes[at] ^= 1 << random.random_range(0..7);
    String::from_utf8(bytes).unwrap()
}
