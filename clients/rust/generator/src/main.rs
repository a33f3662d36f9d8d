//! `firstlight-client-generator IMAGE OUT`: the Rust stubs of a `buf build` image, written into the directory OUT.
mod calls;

use std::{env, error::Error, fs, path::Path};

use prost::Message;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn Error>> {
    let [image, out] = env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: IMAGE OUT")?;
    let files = FileDescriptorSet::decode(fs::read(image)?.as_slice())?;
    let calls = calls::generate(&files.file);
    fs::write(Path::new(&out).join("calls.rs"), prettyplease::unparse(&syn::parse_str(&calls)?))?;
    tonic_prost_build::configure()
        .btree_map(".") // maps in one order: the same message has the same bytes
        .server_mod_attribute("firstlight.v1", "#[cfg(feature = \"server\")]")
        .generate_default_stubs(true) // a fake server need not have every method
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(files)?;
    Ok(())
}
