import Domain

/// One mail handed over (RFC 5321), as a machine without I/O: the server's lines in, ours out.
///
///     greeting ─▶ hello ─▶ startTLS ─▶ hello ─▶ authentication ─▶ sender ─▶ recipient ─▶ data ─▶ text ─▶ done
///
/// Any answer that is not the awaited one ends it with what the server said.
struct SMTPDialogue {
    enum Action: Equatable {
        /// Wait for more lines.
        case wait
        case send(String)
        /// Send nothing; put TLS on the connection, then call `encrypted()`.
        case encrypt
        /// The server has taken the mail; `QUIT` is to be sent, its answer does not matter.
        case taken
        case fail(SMTPError)
    }

    private enum State {
        case greeting, hello, startTLS, handshake, user, password, plain, sender, recipient, data, text, done
    }

    private let configuration: SMTPConfiguration
    private let mail: MailText
    private var state = State.greeting
    private var isEncrypted: Bool
    /// The keywords of the answer to EHLO, upper case.
    private var offers: [String] = []
    private var lines: [String] = []

    /// Lines of one answer; a server that sends more is broken (I8).
    private static let maximumLines = 100

    init(_ configuration: SMTPConfiguration, _ mail: MailText) {
        self.configuration = configuration
        self.mail = mail
        isEncrypted = configuration.encryption == .implicit
    }

    /// - Parameter line: without its end.
    mutating func received(_ line: String) -> Action {
        guard let code = Int(line.prefix(3)), (200...599).contains(code), line.count >= 3 else {
            return fail(.brokenAnswer, "the mail server's answer makes no sense", [line])
        }
        lines.append(String(line.dropFirst(4)))
        guard lines.count <= Self.maximumLines else {
            return fail(.brokenAnswer, "the mail server's answer does not end", [])
        }
        // RFC 5321 §4.2.1: a hyphen says that more follows.
        if line.dropFirst(3).first == "-" { return .wait }
        let answer = lines
        lines = []
        return answered(code, answer)
    }

    /// The connection is encrypted now: what the server said before counts for nothing (RFC 3207 §4.2).
    mutating func encrypted() -> Action {
        guard case .handshake = state else { return .wait }
        isEncrypted = true
        offers = []
        state = .hello
        return .send(hello)
    }

    private var hello: String { "EHLO lineup" }

    private mutating func answered(_ code: Int, _ answer: [String]) -> Action {
        switch state {
        case .greeting:
            guard code == 220 else { return refused(answer, "the mail server does not greet us") }
            state = .hello
            return .send(hello)
        case .hello:
            guard code == 250 else { return refused(answer, "the mail server does not speak ESMTP") }
            offers = answer.map { $0.uppercased() }
            return helloDone()
        case .startTLS:
            guard code == 220 else { return refused(answer, "the mail server does not begin TLS") }
            state = .handshake
            return .encrypt
        case .user:
            guard code == 334 else { return refused(answer, "the mail server refuses our log-in") }
            state = .password
            return .send(Base64.text(Array((configuration.password?.exposed ?? "").utf8)))
        case .password, .plain:
            guard code == 235 else { return refused(answer, "the mail server refuses our user name or password") }
            return beginMail()
        case .sender:
            guard code == 250 else { return refused(answer, "the mail server refuses LINEUP_MAIL_FROM") }
            state = .recipient
            return .send("RCPT TO:<\(mail.to)>")
        case .recipient:
            guard code == 250 || code == 251 else { return refused(answer, "the mail server refuses the recipient") }
            state = .data
            return .send("DATA")
        case .data:
            guard code == 354 else { return refused(answer, "the mail server takes no text") }
            state = .text
            // No line of it begins with a dot, so none is to be doubled (§4.5.2).
            return .send(mail.text + "\r\n.")
        case .text:
            guard code == 250 else { return refused(answer, "the mail server refuses the mail") }
            state = .done
            return .taken
        case .handshake, .done:
            return fail(.brokenAnswer, "the mail server speaks when it should not", answer)
        }
    }

    private mutating func helloDone() -> Action {
        if !isEncrypted, configuration.encryption != .implicit {
            if offers.contains("STARTTLS") {
                state = .startTLS
                return .send("STARTTLS")
            }
            guard configuration.encryption == .offered else {
                return fail(.notEncrypted, "the mail server offers no STARTTLS: use smtps:// or another port", [])
            }
        }
        guard let user = configuration.user, let password = configuration.password else { return beginMail() }
        // RFC 4616 and the older LOGIN; the first keyword may be glued to AUTH by an equals sign.
        let methods = offers.filter { $0.hasPrefix("AUTH") }.flatMap { $0.split { $0 == " " || $0 == "=" } }
        if methods.contains("PLAIN") {
            state = .plain
            return .send("AUTH PLAIN " + Base64.text([0] + Array(user.utf8) + [0] + Array(password.exposed.utf8)))
        }
        guard methods.contains("LOGIN") else {
            return fail(.refused, "the mail server offers neither AUTH PLAIN nor LOGIN", [])
        }
        state = .user
        return .send("AUTH LOGIN " + Base64.text(Array(user.utf8)))
    }

    private mutating func beginMail() -> Action {
        state = .sender
        return .send("MAIL FROM:<\(configuration.from)>")
    }

    private mutating func refused(_ answer: [String], _ words: String) -> Action { fail(.refused, words, answer) }

    private mutating func fail(_ code: SMTPError.Code, _ words: String, _ answer: [String]) -> Action {
        state = .done
        let said = answer.first.map { line in
            ": "
                + String(
                    line.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.prefix(200).map(Character.init))
        }
        return .fail(SMTPError(code, words + (said ?? "")))
    }
}
