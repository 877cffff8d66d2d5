//! The fields of a provider's request, each of which is there once.

use crate::delivery::BadCallback;
use crate::words::{Amount, Price};

/// Names and values, decoded, in their order.
pub(super) struct Fields(pub(super) Vec<(String, String)>);

// === impl Fields ===

impl Fields {
    /// The value of a field; `None` when it is missing or empty.
    ///
    /// # Errors
    /// When it is there twice: signatures are made over names and values in a row, so that only one that is there once
    /// is surely what was meant.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, BadCallback> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() { Err(BadCallback::Malformed("a field is there twice")) } else { Ok(value) }
    }

    /// The first of these fields that is there.
    ///
    /// # Errors
    /// When one is there twice.
    pub(super) fn first(&self, names: &[&str]) -> Result<Option<&str>, BadCallback> {
        for name in names {
            if let Some(value) = self.one(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// What a provider charges, which some write as what the account loses: `-0.0075`.
pub(super) fn price(amount: Option<&str>, currency: Option<&str>) -> Option<Price> {
    let amount: Amount = amount?.trim().trim_start_matches('-').parse().ok()?;
    Some(Price { amount, currency: currency.and_then(|currency| currency.parse().ok()) })
}
