import Domain
import Foundation
import Testing

@testable import SMTPClient

@Suite struct SMTPDialogueTests {
    private func configuration(_ url: String) throws -> SMTPConfiguration {
        try #require(SMTPConfiguration(url: Secret(url), from: "Line Up <lineup@example.org>"))
    }

    private func dialogue(_ url: String) throws -> SMTPDialogue {
        let configuration = try configuration(url)
        let mail = Mail(to: "mira@example.org", subject: "Grüße", text: Secret("Hello\n.\n"))
        return SMTPDialogue(
            configuration,
            try MailText(mail, from: configuration, date: "Sat, 21 Nov 2026 20:00:00 +0000", identifier: "1"))
    }

    private func isFailure(_ action: SMTPDialogue.Action, _ code: SMTPError.Code) -> Bool {
        guard case .fail(let error) = action else { return false }
        return error.code == code
    }

    @Test func encryptsBeforeItLogsIn() throws {
        var dialogue = try dialogue("smtp://me:se%40cret@mail.example.org")
        #expect(dialogue.received("220-mail") == .wait)
        #expect(dialogue.received("220 ready") == .send("EHLO lineup"))
        #expect(dialogue.received("250-mail") == .wait)
        #expect(dialogue.received("250 STARTTLS") == .send("STARTTLS"))
        #expect(dialogue.received("220 go") == .encrypt)
        #expect(dialogue.encrypted() == .send("EHLO lineup"))
        #expect(dialogue.received("250-mail") == .wait)
        #expect(dialogue.received("250 AUTH LOGIN PLAIN") == .send("AUTH PLAIN AG1lAHNlQGNyZXQ="))
        #expect(dialogue.received("235 in") == .send("MAIL FROM:<lineup@example.org>"))
        #expect(dialogue.received("250 ok") == .send("RCPT TO:<mira@example.org>"))
        #expect(dialogue.received("250 ok") == .send("DATA"))
        guard case .send(let text) = dialogue.received("354 go") else {
            Issue.record("not what was awaited")
            return
        }
        #expect(text.hasSuffix("\r\n."))
        #expect(text.contains("Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"))
        #expect(text.contains("From: Line Up <lineup@example.org>\r\n"))
        #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(dialogue.received("250 taken") == .taken)
    }

    @Test func speaksLoginWhereThereIsNoPlain() throws {
        var dialogue = try dialogue("smtps://me:secret@mail.example.org")
        _ = dialogue.received("220 ready")
        #expect(dialogue.received("250 AUTH=LOGIN") == .send("AUTH LOGIN bWU="))
        #expect(dialogue.received("334 UGFzc3dvcmQ6") == .send("c2VjcmV0"))
        #expect(dialogue.received("235 in") == .send("MAIL FROM:<lineup@example.org>"))
    }

    @Test func sendsNothingInTheClearToAnotherMachine() throws {
        var dialogue = try dialogue("smtp://me:secret@mail.example.org")
        _ = dialogue.received("220 ready")
        #expect(isFailure(dialogue.received("250 AUTH PLAIN"), .notEncrypted))
    }

    @Test func doesWithoutTLSOnThisMachine() throws {
        var dialogue = try dialogue("smtp://127.0.0.1:2525")
        _ = dialogue.received("220 ready")
        #expect(dialogue.received("250 SIZE") == .send("MAIL FROM:<lineup@example.org>"))
    }

    @Test func saysWhatTheServerSaid() throws {
        var dialogue = try dialogue("smtps://me:secret@mail.example.org")
        _ = dialogue.received("220 ready")
        _ = dialogue.received("250 AUTH PLAIN")
        guard case .fail(let error) = dialogue.received("535 Nope\u{7}") else {
            Issue.record("not what was awaited")
            return
        }
        #expect(error.description == "the mail server refuses our user name or password: Nope")
    }

    @Test(arguments: ["", "2", "abc", "999 x", "-20 x"])
    func refusesNonsense(line: String) throws {
        var dialogue = try dialogue("smtps://mail.example.org")
        #expect(isFailure(dialogue.received(line), .brokenAnswer))
    }

    @Test func anAnswerThatDoesNotEndIsBroken() throws {
        var dialogue = try dialogue("smtps://mail.example.org")
        var last = SMTPDialogue.Action.wait
        for _ in 0..<101 where last == .wait { last = dialogue.received("220-more") }
        #expect(isFailure(last, .brokenAnswer))
    }

    @Test(arguments: ["x@example.org>\r\nRCPT TO:<y@example.org", "no address", "a@b@c", "a b@example.org", "@x", ""])
    func noRecipientCanBringACommand(to: String) throws {
        let configuration = try configuration("smtps://mail.example.org")
        #expect(throws: SMTPError.self) {
            try MailText(
                Mail(to: to, subject: "x", text: Secret("x")), from: configuration, date: "", identifier: "1")
        }
    }

    @Test(arguments: [
        "http://x", "smtp://", "smtp://me@host", "smtp://host:99999", "smtp://host/path", "smtp://a:%zz@host", "",
    ])
    func refusesOtherAddresses(url: String) {
        #expect(SMTPConfiguration(url: Secret(url), from: "a@example.org") == nil)
    }

    @Test func readsItsAddress() throws {
        let first = try configuration("smtps://me:a%3Ab@[2001:db8::1]:2465/")
        #expect(first.host == "2001:db8::1" && first.port == 2465 && first.encryption == .implicit)
        #expect(first.password == Secret("a:b") && first.fromName == "Line Up")
        #expect(try configuration("smtp://mail.example.org").port == 587)
        #expect(SMTPConfiguration(url: Secret("smtp://h"), from: "nobody") == nil)
    }

    @Test func base64IsTheOneOfTheRFC() {
        let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE="]
        for (text, encoded) in vectors { #expect(Base64.text(Array(text.utf8)) == encoded) }
    }

    @Test func longSubjectsAreCutIntoWordsBetweenCharacters() {
        let word = MailText.word(String(repeating: "ä", count: 100))
        let parts = word.components(separatedBy: "\r\n ")
        #expect(parts.count > 3 && parts.allSatisfy { $0.utf8.count <= 75 })
    }
}
