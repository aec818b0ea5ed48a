//! Generates messages, clients and the peer service. The public *server* is generated in `node/`, where an answer that
//! was not released by the audit pipeline does not compile.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let public = protox::compile(
        ["portcullis/v1/portcullis.proto", "portcullis/v1/people.proto", "portcullis/v1/sign_on.proto"],
        ["."],
    )?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("portcullis.bin"), prost_types_encode(&public))?;
    // Messages that hold secrets print nothing of them (src/secret.rs).
    let secret = ["Factors", "SetPasswordRequest", "SetPasswordResponse"].map(|name| format!(".portcullis.v1.{name}"));
    let secret = secret.into_iter().chain([".portcullis.v1.SetPasswordRequest.by".to_string()]);
    let public_code = tonic_prost_build::configure().build_server(false).build_transport(false).skip_debug(secret);
    public_code.compile_fds(public)?;
    let peer = protox::compile(["portcullis/peer/v1/peer.proto"], ["."])?;
    tonic_prost_build::configure().build_transport(false).bytes(".").compile_fds(peer)?;
    let key_service = protox::compile(["kms/v2/api.proto"], ["."])?;
    // Both print as nothing what a key is in.
    let secret = [".v2.DecryptResponse", ".v2.EncryptRequest"];
    tonic_prost_build::configure().build_transport(false).btree_map(".").skip_debug(secret).compile_fds(key_service)?;
    println!("cargo:rerun-if-changed=portcullis");
    println!("cargo:rerun-if-changed=kms");
    Ok(())
}

fn prost_types_encode(set: &impl prost::Message) -> Vec<u8> {
    set.encode_to_vec()
}
