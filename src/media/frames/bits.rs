//! Bits of a parameter set, from the front.

/// Bits that were not read yet. What is behind the end is nothing, never zero.
#[derive(Debug, Clone)]
pub(super) struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Bits<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Bits { bytes, at: 0 }
    }

    pub fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A number of so many bits, at most 32.
    pub fn number(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |n: u32, _| Some(n << 1 | u32::from(self.bit()?)))
    }

    /// A number in Exp-Golomb code (ITU-T H.264, 9.1).
    pub fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.number(zeros)?)
    }

    /// A signed one.
    pub fn signed(&mut self) -> Option<i32> {
        let code = i64::from(self.golomb()?);
        i32::try_from(if code % 2 == 0 { -(code / 2) } else { (code + 1) / 2 }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_golomb_code_are_those_of_the_standard() {
        // 0: 1, 1: 010, 2: 011, 3: 00100, then signed 2: 00100.
        let bytes = [0b1010_0110, 0b0100_0010, 0b0000_0000];
        let mut bits = Bits::new(&bytes);
        let read: Vec<u32> = (0..4).filter_map(|_| bits.golomb()).collect();
        assert_eq!(read, [0, 1, 2, 3]);
        assert_eq!(bits.signed(), Some(2));
    }

    #[test]
    fn behind_the_end_there_is_nothing() {
        let mut bits = Bits::new(&[0]);
        assert_eq!(bits.golomb(), None);
        assert_eq!(Bits::new(&[0xFF]).number(9), None);
        assert_eq!(Bits::new(&[0; 12]).golomb(), None);
    }
}
