//! Directories: from a subject to contacts.
