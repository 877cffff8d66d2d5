//! The engine under the settings.
