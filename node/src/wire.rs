//! How answers are encoded: only a released one can be.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::audit::Released;

/// protobuf, for released answers alone.
#[derive(Debug, Clone)]
pub struct ReleasedCodec<M, D>(PhantomData<(M, D)>);

impl<M, D> Default for ReleasedCodec<M, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Message + 'static, D: Message + Default + 'static> Codec for ReleasedCodec<M, D> {
    type Encode = Released<M>;
    type Decode = D;
    type Encoder = ReleasedEncoder<M>;
    type Decoder = RequestDecoder<D>;

    fn encoder(&mut self) -> Self::Encoder {
        ReleasedEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder(PhantomData)
    }
}

/// Encodes released answers.
pub struct ReleasedEncoder<M>(PhantomData<M>);

impl<M: Message> Encoder for ReleasedEncoder<M> {
    type Item = Released<M>;
    type Error = Status;

    fn encode(&mut self, item: Released<M>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.into_body().encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Decodes requests.
pub struct RequestDecoder<D>(PhantomData<D>);

impl<D: Message + Default> Decoder for RequestDecoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        D::decode(buffer).map(Some).map_err(|error| Status::invalid_argument(error.to_string()))
    }
}
