//! The suites that cross layers.
