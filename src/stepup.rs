//! The conductor: the I/O around the pure rooms.
