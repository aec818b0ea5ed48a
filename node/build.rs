//! Generates the public server with one difference to the usual: every answer's type is `Released<..>`, which only the
//! audit pipeline makes. An answer that was not audited does not compile (NoUnauditedAnswer).

use std::collections::BTreeSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = protox::compile(
        ["portcullis/v1/portcullis.proto", "portcullis/v1/people.proto", "portcullis/v1/sign_on.proto"],
        ["../proto"],
    )?;
    let methods = set.file.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
    let answers: BTreeSet<String> = methods.map(|method| method.output_type().to_string()).collect();
    let mut builder = tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .codec_path("crate::wire::ReleasedCodec")
        .extern_path(".portcullis.v1", "::proto::v1");
    for answer in &answers {
        let name = answer.rsplit('.').next().unwrap_or_default();
        builder = builder.extern_path(answer, format!("crate::audit::Released<::proto::v1::{name}>"));
    }
    builder.compile_fds(set)?;
    println!("cargo:rerun-if-changed=../proto/portcullis");
    Ok(())
}
