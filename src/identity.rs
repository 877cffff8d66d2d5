//! Identity sources: who is asking.
