use super::*;

#[test]
fn what_is_wrong_and_how_it_should_be() {
    let text = "error: the following required arguments were not provided:\n  --subject <SUBJECT>\n\n\
                Usage: otpgate unlock --subject <SUBJECT>\n\nFor more information, try '--help'.\n";
    assert_eq!(
        shortened(text),
        "the following required arguments were not provided: --subject <SUBJECT>\n\
         Usage: otpgate unlock --subject <SUBJECT>"
    );
}
