//! `numbered!`: an enum that is stored as its number and its content.
//!
//! serde numbers variants by their order in the source, so moving a line would change what stored bytes mean. Here each
//! variant carries its number for good; a retired number is never given again.

/// Declares an enum whose variants each hold one value and are stored as `(number, value)`.
#[macro_export]
#[doc(hidden)]
macro_rules! numbered {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $number:literal => $variant:ident($inner:ty)),+ $(,)? }) => {
        $(#[$meta])*
        pub enum $name { $($(#[$vmeta])* $variant($inner)),+ }

        impl $name {
            /// The number under which this variant is stored.
            pub fn number(&self) -> u16 {
                match self { $(Self::$variant(_) => $number),+ }
            }

            /// The variant's name, for logs and metrics.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant)),+ }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeTuple;
                let mut tuple = serializer.serialize_tuple(2)?;
                tuple.serialize_element(&self.number())?;
                match self { $(Self::$variant(inner) => tuple.serialize_element(inner)?),+ }
                tuple.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "a numbered {}", stringify!($name))
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        use serde::de::Error;
                        let number: u16 = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                        match number {
                            $($number => {
                                let inner = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                                Ok($name::$variant(inner))
                            })+
                            other => {
                                Err(A::Error::custom(format!("an unknown number of {}: {other}", stringify!($name))))
                            }
                        }
                    }
                }
                deserializer.deserialize_tuple(2, Visitor)
            }
        }
    };
}

/// Declares a field-less enum stored as its number and printed as a stable lower-case code.
#[macro_export]
#[doc(hidden)]
macro_rules! coded {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $number:literal $code:literal => $variant:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// All values, in the order of their numbers' declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The number under which this value is stored.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number),+ }
            }

            /// The value of a stored number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The code in API, command line and files.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The value of a code; case and `_` or `-` do not matter.
            pub fn from_code(text: &str) -> Option<Self> {
                let folded = text.trim().to_ascii_lowercase().replace('_', "-");
                match folded.as_str() { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(self.code())
                } else {
                    serializer.serialize_u16(self.number())
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if deserializer.is_human_readable() {
                    let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    Self::from_code(&code)
                        .ok_or_else(|| D::Error::custom(format!("unknown {} `{code}`", stringify!($name))))
                } else {
                    let number = u16::deserialize(deserializer)?;
                    Self::from_number(number)
                        .ok_or_else(|| D::Error::custom(format!("an unknown number of {}: {number}", stringify!($name))))
                }
            }
        }
    };
}
