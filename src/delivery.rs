//! How a code reaches a contact.
