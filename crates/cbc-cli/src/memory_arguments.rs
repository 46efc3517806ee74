//! How much memory an execution may take.

use anyhow::{Result, ensure};
use cbc_simulation::Footprint;
use clap::Args;

use crate::values::whole;

/// How much memory may be used.
#[derive(Clone, Copy, Debug, Args)]
pub struct MemoryArguments {
    /// The memory, in MiB, that an execution may take by an estimate made beforehand.
    #[arg(long = "memory", value_name = "MIB", default_value_t = 4096, allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub mebibytes: u64,
}

impl MemoryArguments {
    /// # Errors
    ///
    /// The arithmetic, if `footprint` does not fit.
    pub(crate) fn fits(self, footprint: &Footprint) -> Result<()> {
        let Self { mebibytes } = self;
        ensure!(
            footprint.bytes().div_ceil(1 << 20) <= mebibytes,
            "too large for --memory {mebibytes} (MiB): {footprint}"
        );
        Ok(())
    }
}
