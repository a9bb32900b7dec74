//! `tertulia join`.

#[derive(clap::Args, Debug)]
pub struct Args {}
impl Args {
    pub fn run(self) -> Result<(), String> {
        Err("not yet".into())
    }
}
