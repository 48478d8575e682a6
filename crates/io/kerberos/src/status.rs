//! Names for what the library says went wrong. Its numbers are those of RFC 4120 §7.5.9 and of krb5's own tables.

use crate::error::KerberosError;

/// When a call was refused: it decides whose fault the same number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// An initiator takes its credential, and asks the KDC for a ticket.
    Asking,
    /// An initiator reads what the service answered.
    Answered,
    /// An acceptor opens its keytab.
    Opening,
    /// An acceptor reads what a client sent.
    Judging,
}

/// `GSS_S_BAD_BINDINGS` (RFC 2744 §3.9.1).
const BAD_BINDINGS: u32 = 4;
/// `GSS_S_NO_CRED`.
const NO_CREDENTIAL: u32 = 7;
/// `GSS_S_CREDENTIALS_EXPIRED`.
const CREDENTIALS_EXPIRED: u32 = 11;
/// `GSS_S_DUPLICATE_TOKEN`, a supplementary bit.
const DUPLICATE_TOKEN: u32 = 2;

/// Where krb5's table of errors begins: `ERROR_TABLE_BASE_krb5`, in the arithmetic of the minor status.
const KRB5: u32 = (-1_765_328_384_i32).cast_unsigned();
/// Where that of its GSSAPI mechanism begins: `ERROR_TABLE_BASE_k5g`.
const K5G: u32 = 39_756_032;

/// The system's own numbers for a file that cannot be opened, read or written: EPERM, ENOENT, EIO, EACCES, ENOTDIR,
/// ENFILE, EMFILE, ENOSPC, EROFS; ELOOP and EDQUOT as Linux has them.
const OF_FILES: [u32; 11] = [1, 2, 5, 13, 20, 23, 24, 28, 30, 40, 122];

/// What a number, or a text, stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Unreachable,
    Refused,
    NoSuchClient,
    NoSuchService,
    NoTicket,
    Clock,
    NoKey,
    Setup,
    ReplayRecord,
    Replayed,
    Expired,
}

/// The numbers, and the words of MIT krb5 for them: a negotiation around Kerberos renumbers its errors, and keeps the
/// words. The last rows have no number of their own.
#[rustfmt::skip]
const TABLE: [(u32, &str, Meaning); 39] = [
    (KRB5 + 156, "Cannot contact any KDC", Meaning::Unreachable),
    (KRB5 + 29, "A service is not available that is required", Meaning::Unreachable),
    (KRB5 + 220, "Cannot resolve servers for KDC", Meaning::Unreachable),
    (KRB5 + 154, "Cannot find KDC for", Meaning::Setup),
    (KRB5 + 135, "Can't open/find Kerberos configuration file", Meaning::Setup),
    (KRB5 + 136, "Improper format of Kerberos configuration file", Meaning::Setup),
    (KRB5 + 224, "Configuration file does not specify default realm", Meaning::Setup),
    (KRB5 + 237, "No supported encryption types", Meaning::Setup),
    (KRB5 + 14, "KDC has no support for encryption type", Meaning::Setup),
    (KRB5 + 1, "Client's entry in database has expired", Meaning::Refused),
    (KRB5 + 6, "Client '", Meaning::NoSuchClient),
    (KRB5 + 12, "KDC policy rejects request", Meaning::Refused),
    (KRB5 + 18, "credentials have been revoked", Meaning::Refused),
    (KRB5 + 21, "Client not yet valid", Meaning::Refused),
    (KRB5 + 23, "Password has expired", Meaning::Refused),
    (KRB5 + 24, "Preauthentication failed", Meaning::Refused),
    (KRB5 + 210, "Generic preauthentication failure", Meaning::Refused),
    (KRB5 + 68, "Realm not local to KDC", Meaning::NoSuchClient),
    (KRB5 + 7, "Server ", Meaning::NoSuchService),
    (KRB5 + 2, "Server's entry in database has expired", Meaning::NoSuchService),
    (KRB5 + 141, "Matching credential not found", Meaning::NoTicket),
    (KRB5 + 195, "No credentials cache found", Meaning::NoTicket),
    (KRB5 + 199, "Bad format in credentials cache", Meaning::NoTicket),
    (KRB5 + 194, "Credentials cache permissions incorrect", Meaning::NoTicket),
    (K5G, "Principal in credential cache does not match", Meaning::NoTicket),
    (K5G + 2, "Credential cache has no TGT", Meaning::NoTicket),
    (K5G + 12, "Credential cache is empty", Meaning::NoTicket),
    (KRB5 + 37, "Clock skew too great", Meaning::Clock),
    (KRB5 + 148, "Clock skew too great in KDC reply", Meaning::Clock),
    (KRB5 + 181, "Key table entry not found", Meaning::NoKey),
    (KRB5 + 235, "Bad format in keytab", Meaning::NoKey),
    (K5G + 1, "No principal in keytab matches", Meaning::NoKey),
    (KRB5 + 34, "Request is a replay", Meaning::Replayed),
    (KRB5 + 163, "Message is a replay", Meaning::Replayed),
    (KRB5 + 164, "Replay cache I/O operation failed", Meaning::ReplayRecord),
    (KRB5 + 169, "Permission denied in replay cache code", Meaning::ReplayRecord),
    (KRB5 + 32, "Ticket expired", Meaning::Expired),
    (KRB5 + 33, "Ticket not yet valid", Meaning::Expired),
    (u32::MAX, "Key table file", Meaning::NoKey),
];

/// The error that a refused call stands for at this stage. What has no name stays as it is.
pub(crate) fn named(error: KerberosError, stage: Stage) -> KerberosError {
    let KerberosError::Status { major, minor, detail, .. } = &error else { return error };
    // RFC 2744 §3.9.1: the routine error stands in bits 16 to 23.
    let routine = major >> 16 & 0xff;
    if routine == BAD_BINDINGS {
        return KerberosError::OtherChannel;
    }
    if routine == 0 && major & DUPLICATE_TOKEN != 0 {
        return KerberosError::Replayed;
    }
    let (meaning, detail) = (meaning(*minor, detail), detail.clone());
    match stage {
        Stage::Asking => asking(meaning, routine, detail).unwrap_or(error),
        Stage::Answered if meaning == Some(Meaning::Clock) => KerberosError::Clock(detail),
        Stage::Answered => KerberosError::Token(detail),
        Stage::Opening if meaning == Some(Meaning::Setup) => KerberosError::Setup(detail),
        Stage::Opening => KerberosError::NoKey(detail),
        Stage::Judging if is_of_record(*minor, &detail) => KerberosError::ReplayRecord(detail),
        Stage::Judging => judging(meaning, routine, detail),
    }
}

/// Whether the system says this of the record of replays. The keytab was read a moment ago, so it is no other file;
/// and a negotiation, which renumbers the error, keeps the record's name behind it.
fn is_of_record(minor: u32, detail: &str) -> bool {
    OF_FILES.contains(&minor) || detail.ends_with(".rcache2)")
}

fn meaning(minor: u32, detail: &str) -> Option<Meaning> {
    let by_number = TABLE.iter().find(|(number, ..)| *number == minor);
    let by_words = || TABLE.iter().find(|(_, words, _)| detail.contains(words));
    by_number.or_else(by_words).map(|(.., meaning)| *meaning)
}

fn asking(meaning: Option<Meaning>, routine: u32, detail: String) -> Option<KerberosError> {
    Some(match meaning {
        Some(Meaning::Unreachable) => KerberosError::Unreachable(detail),
        Some(Meaning::Refused) => KerberosError::Refused(detail),
        Some(Meaning::NoSuchClient) => KerberosError::NoSuchClient(detail),
        Some(Meaning::NoSuchService) => KerberosError::NoSuchService(detail),
        Some(Meaning::NoTicket | Meaning::Expired) => KerberosError::NoTicket(detail),
        Some(Meaning::Clock) => KerberosError::Clock(detail),
        Some(Meaning::NoKey) => KerberosError::NoKey(detail),
        Some(Meaning::Setup) => KerberosError::Setup(detail),
        Some(Meaning::ReplayRecord | Meaning::Replayed) => return None,
        None if matches!(routine, NO_CREDENTIAL | CREDENTIALS_EXPIRED) => KerberosError::NoTicket(detail),
        None => return None,
    })
}

/// The keytab was open by then: whatever else is wrong, the client chose it.
fn judging(meaning: Option<Meaning>, routine: u32, detail: String) -> KerberosError {
    match meaning {
        Some(Meaning::ReplayRecord) => KerberosError::ReplayRecord(detail),
        Some(Meaning::Replayed) => KerberosError::Replayed,
        Some(Meaning::Expired | Meaning::Clock) => KerberosError::Expired(detail),
        None if routine == CREDENTIALS_EXPIRED => KerberosError::Expired(detail),
        _ => KerberosError::Token(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(major: u32, minor: u32, detail: &str) -> KerberosError {
        KerberosError::Status { call: "gss_call", major, minor, detail: detail.to_owned() }
    }

    /// `GSS_S_FAILURE`.
    const FAILURE: u32 = 13 << 16;

    #[test]
    fn the_same_number_is_another_fault_at_another_stage() {
        const RECORD: &str = "No space left (filename: /r/krb5_0.rcache2)";
        // The number, what the library says, and the error that holds those words.
        type Row = (Stage, u32, &'static str, fn(String) -> KerberosError);
        let table: [Row; 21] = [
            (Stage::Asking, KRB5 + 156, "x", KerberosError::Unreachable),
            (Stage::Asking, 100_001, "Cannot contact any KDC for realm 'R'", KerberosError::Unreachable),
            (Stage::Asking, KRB5 + 24, "x", KerberosError::Refused),
            (Stage::Asking, KRB5 + 7, "x", KerberosError::NoSuchService),
            (Stage::Asking, 100_001, "Server a@R not found in Kerberos database", KerberosError::NoSuchService),
            (Stage::Asking, 100_001, "Client 'a@R' not found in Kerberos database", KerberosError::NoSuchClient),
            (Stage::Asking, KRB5 + 32, "x", KerberosError::NoTicket),
            (Stage::Asking, KRB5 + 37, "x", KerberosError::Clock),
            (Stage::Answered, KRB5 + 37, "x", KerberosError::Clock),
            (Stage::Answered, KRB5 + 41, "x", KerberosError::Token),
            (Stage::Opening, 2, "x", KerberosError::NoKey),
            (Stage::Opening, KRB5 + 136, "x", KerberosError::Setup),
            (Stage::Judging, KRB5 + 32, "x", KerberosError::Expired),
            (Stage::Judging, KRB5 + 37, "x", KerberosError::Expired),
            (Stage::Judging, KRB5 + 164, "x", KerberosError::ReplayRecord),
            (Stage::Judging, 13, "x", KerberosError::ReplayRecord),
            (Stage::Judging, 100_001, RECORD, KerberosError::ReplayRecord),
            // A stranger chooses these: they say nothing about our set-up.
            (Stage::Judging, KRB5 + 181, "x", KerberosError::Token),
            (Stage::Judging, KRB5 + 136, "x", KerberosError::Token),
            (Stage::Judging, 22, "x", KerberosError::Token),
            (Stage::Judging, 100_001, "no x.rcache2) is known", KerberosError::Token),
        ];
        for (stage, minor, detail, expected) in table {
            let expected = expected(detail.to_owned());
            assert_eq!(named(status(FAILURE, minor, detail), stage), expected, "{stage:?} {minor} {detail}");
        }
    }

    #[test]
    fn the_general_status_counts_where_the_number_says_nothing() {
        let no_ticket = KerberosError::NoTicket("x".to_owned());
        let expired = KerberosError::Expired("x".to_owned());
        let table = [
            (Stage::Asking, NO_CREDENTIAL << 16, 7, no_ticket.clone()),
            (Stage::Asking, CREDENTIALS_EXPIRED << 16, 7, no_ticket),
            (Stage::Asking, FAILURE, 7, status(FAILURE, 7, "x")),
            (Stage::Judging, CREDENTIALS_EXPIRED << 16, 7, expired),
            (Stage::Judging, DUPLICATE_TOKEN, 0, KerberosError::Replayed),
            (Stage::Judging, FAILURE, KRB5 + 34, KerberosError::Replayed),
            (Stage::Judging, BAD_BINDINGS << 16, 0, KerberosError::OtherChannel),
        ];
        for (stage, major, minor, expected) in table {
            assert_eq!(named(status(major, minor, "x"), stage), expected, "{stage:?} {major:#x} {minor}");
        }
    }

    #[test]
    fn what_is_no_status_stays() {
        assert_eq!(named(KerberosError::Ended, Stage::Judging), KerberosError::Ended);
    }
}
