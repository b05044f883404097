//! How the domain's values are stored: as CBOR, derived on the types themselves. Here is what can't be
//! derived: values that are stored as something simpler and checked on the way back, the numbers of
//! enums without fields, and what is behind an `Arc`. `journal::codec` makes records, entries and
//! outcomes of it.
//!
//! **A number, once given, keeps its meaning for ever.** A new field or value gets the next one; that
//! of one that is gone isn't given again. A new field is an `Option` or has `#[cbor(default)]`, since
//! older images lack it; older releases skip it. A new value of an enum they can't read.

use std::convert::Infallible;
use std::sync::Arc;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use super::time::{Span, Timestamp};
use super::units::{CentiPercent, Units};

/// `stored_as!(Type: Form, to, from)`: the type is stored as `Form`; `from` may refuse.
macro_rules! stored_as {
    ($name:ident: $form:ty, $to:expr, $from:expr) => {
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                ctx: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                let to: fn(&Self) -> $form = $to;
                to(self).encode(e, ctx)
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                ctx: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                let from: fn($form) -> Result<Self, _> = $from;
                from(d.decode_with(ctx)?)
                    .map_err(|why| minicbor::decode::Error::message(why).at(at))
            }
        }
    };
}
pub(in crate::domain) use stored_as;

stored_as!(Timestamp: i64, |time| time.as_ms(), |ms| Ok::<_, Infallible>(Self::from_ms(ms)));
stored_as!(Span: i64, |span| span.as_ms(), |ms| {
    if ms < 0 { Err("a span is negative") } else { Ok(Self::from_ms(ms)) }
});
stored_as!(Units: u64, |units| units.as_centi(), |hundredths| {
    Self::stored(hundredths).ok_or("more units than anybody can carry")
});
stored_as!(CentiPercent: u32, |share| share.get(), |share| Ok::<_, Infallible>(Self::new(share)));
/// Enums without fields, stored as numbers. An unknown number is an error, or `else` a value of its
/// own that keeps it.
macro_rules! numbered {
    ($($name:ident { $($number:literal $value:ident),+ $(; else $other:ident)? })+) => {$(
        stored_as!($name: u32, |value| match *value {
            $(Self::$value => $number,)+
            $(Self::$other(number) => number,)?
        }, |number| match number {
            $($number => Ok(Self::$value),)+
            number => None$(.or(Some(Self::$other(number))))?.ok_or_else(|| {
                format!("{number} is no {} that this release knows", stringify!($name))
            }),
        });
    )+};
}

pub(in crate::domain) use numbered;

/// For an `Option` of what has an enum with fields in it. The derived code would take a value that it
/// doesn't know for `None`, and read on in the middle of it.
pub(in crate::domain) fn strict<'b, C, T: Decode<'b, C>>(
    d: &mut Decoder<'b>,
    ctx: &mut C,
) -> Result<Option<T>, decode::Error> {
    Option::decode(d, ctx).map_err(decode::Error::message)
}

/// `with = "shared"`: what is behind an `Arc`.
pub(in crate::domain) mod shared {
    use super::{Arc, Decode, Decoder, Encode, Encoder, Write, decode, encode};

    pub fn encode<C, T: Encode<C> + ?Sized, W: Write>(
        value: &Arc<T>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        (**value).encode(e, ctx)
    }

    pub fn decode<'b, C, T: ?Sized>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<Arc<T>, decode::Error>
    where
        Box<T>: Decode<'b, C>,
    {
        Box::decode(d, ctx).map(Arc::from)
    }
}

/// `with = "shared_option"`: what is behind an `Arc` that may be missing.
pub(in crate::domain) mod shared_option {
    use super::{Arc, Decode, Decoder, Encode, Encoder, Write, decode, encode, strict};

    pub fn encode<C, T: Encode<C> + ?Sized, W: Write>(
        value: &Option<Arc<T>>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        value.as_deref().encode(e, ctx)
    }

    pub fn decode<'b, C, T: ?Sized>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<Option<Arc<T>>, decode::Error>
    where
        Box<T>: Decode<'b, C>,
    {
        let boxed: Option<Box<T>> = strict(d, ctx)?;
        Ok(boxed.map(Arc::from))
    }
}
