//! Messages that hold secrets print nothing of them, wherever they come into a log.

use std::fmt;

use crate::{key_service, v1};

macro_rules! silent {
    ($($message:ty),+ $(,)?) => { $(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), "(..)"))
            }
        }
    )+ };
}

silent!(v1::Factors, v1::SetPasswordRequest, v1::SetPasswordResponse, v1::set_password_request::By);
silent!(key_service::DecryptResponse, key_service::EncryptRequest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t27_a_password_is_not_printed() {
        let factors = Some(v1::Factors { password: "teal umbrella".into(), code: "123456".into() });
        let printed = format!("{:?}", v1::LogOnRequest { factors, ..Default::default() });
        assert!(!printed.contains("teal") && !printed.contains("123456"), "{printed}");
    }
}
