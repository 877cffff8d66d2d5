//! What must be remembered, as semantic operations.
