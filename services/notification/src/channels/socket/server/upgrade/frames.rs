//! The few websocket frames that show whether frames pass (RFC 6455 §5.2): short, whole, masked by the client.

/// A ping of ours, which every client answers by itself.
pub const PING: [u8; 2] = [0x89, 0];

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Longest payload with a length of one byte; what a client says first is shorter.
const SHORT: u8 = 125;
/// Two bytes of head, four of mask.
const HEAD: usize = 6;

/// What a client's first bytes show.
#[derive(Debug, PartialEq, Eq)]
pub enum Proof {
    /// It answered our ping and has begun to speak: these are its frames without the answer.
    Given(Vec<u8>),
    /// More must come.
    Missing,
    /// It says something else: a good-bye, or nothing a client may say.
    Never,
}

impl Proof {
    /// Looks at everything that came so far.
    pub fn of(came: &[u8]) -> Self {
        let (mut rest, mut begun) = (came, Vec::new());
        let (mut answered, mut spoke) = (false, false);
        while let [first, second, ..] = rest {
            let length = second & !MASKED;
            if second & MASKED == 0 || length > SHORT {
                return Self::Never;
            }
            let Some((frame, after)) = rest.split_at_checked(HEAD + usize::from(length)) else { break };
            match first & !FINAL {
                0xA => answered = true,
                0x1 => {
                    spoke = true;
                    begun.extend_from_slice(frame);
                }
                _ => return Self::Never,
            }
            rest = after;
        }
        if !(answered && spoke) {
            return Self::Missing;
        }
        begun.extend_from_slice(rest);
        Self::Given(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[FINAL | opcode, MASKED | length, 0, 0, 0, 0], payload].concat()
    }

    #[test]
    fn an_answer_and_a_first_frame_prove_it_in_whatever_order_and_pieces_they_come() {
        let (probe, pong) = (frame(1, b"2probe"), frame(0xA, b""));
        for (all, begun) in [
            ([probe.clone(), pong.clone()].concat(), probe.clone()),
            ([pong.clone(), probe.clone()].concat(), probe.clone()),
            ([pong.clone(), probe.clone(), vec![0x81]].concat(), [probe.clone(), vec![0x81]].concat()),
        ] {
            for cut in 0..probe.len() + pong.len() {
                assert_eq!(Proof::of(&all[..cut]), Proof::Missing, "{cut}");
            }
            assert_eq!(Proof::of(&all), Proof::Given(begun));
        }
        let twice = [probe.clone(), probe].concat();
        assert_eq!(Proof::of(&twice), Proof::Missing);
    }

    #[test]
    fn what_no_client_says_first_proves_nothing() {
        for odd in [frame(8, b""), frame(2, b"x"), vec![0x81, 6], vec![0x81, MASKED | 126], b"GET / HTTP/1.1".to_vec()]
        {
            assert_eq!(Proof::of(&odd), Proof::Never, "{odd:?}");
        }
    }
}
