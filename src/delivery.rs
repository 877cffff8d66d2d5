//! How a code reaches a contact.
use crate::seal::Code;
use crate::words::*;
#[derive(Debug)]
pub struct Delivery;
#[derive(Debug)]
pub struct Message {
    pub to: Contact,
    pub code: Code,
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct SendError;
impl SendError {
    pub fn surely_not_sent(&self) -> bool {
        true
    }
}
pub struct Delivered {
    pub provider: String,
}
impl Delivery {
    pub fn can(&self, _: Channel) -> bool {
        true
    }
    pub async fn send(&self, _: &Message, _: Option<&str>) -> Result<Delivered, SendError> {
        Err(SendError)
    }
}
