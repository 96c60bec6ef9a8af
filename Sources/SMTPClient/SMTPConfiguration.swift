package import Domain

/// Where mails go and whom they come from.
package struct SMTPConfiguration: Sendable {
    /// How the connection is encrypted.
    package enum Encryption: Sendable, Equatable {
        /// TLS from the first byte (RFC 8314 §3.3), `smtps://`.
        case implicit
        /// STARTTLS (RFC 3207); without it nothing is sent.
        case required
        /// STARTTLS where it is offered: for a server on this machine.
        case offered
    }

    package var host: String
    /// 465 for `smtps`, else 587, unless said.
    package var port: Int
    package var encryption: Encryption
    package var user: String?
    package var password: Secret?
    /// The bare address.
    package var from: String
    /// What stands in front of it; empty: nothing.
    package var fromName: String
    /// A PEM file of the authorities whose certificates are believed; `nil`: the system's.
    package var authorities: String?
    /// From the connection's begin to the server's last answer.
    package var deadline: Duration = .seconds(30)

    /// Reads `smtp[s]://[USER:PASSWORD@]HOST[:PORT]`, percent-decoded, and `NAME <ADDRESS>` or `ADDRESS`.
    /// `nil` for anything else.
    package init?(url: Secret, from: String) {
        let text = url.exposed
        let rest: Substring
        if text.lowercased().hasPrefix("smtps://") {
            (encryption, rest) = (.implicit, text.dropFirst(8))
        } else if text.lowercased().hasPrefix("smtp://") {
            (encryption, rest) = (.required, text.dropFirst(7))
        } else {
            return nil
        }
        var authority = rest.hasSuffix("/") ? rest.dropLast() : rest
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let user = Self.decoded(parts[0]), let password = Self.decoded(parts[1]),
                !user.isEmpty
            else { return nil }
            self.user = user
            self.password = Secret(password)
            authority = authority[authority.index(after: at)...]
        }
        port = encryption == .implicit ? 465 : 587
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                return nil
            }
            port = number
            authority = authority[..<colon]
        }
        if authority.hasPrefix("["), authority.hasSuffix("]") { authority = authority.dropFirst().dropLast() }
        guard !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        host = String(authority)
        if encryption == .required, host == "localhost" || host.hasPrefix("127.") || host == "::1" {
            encryption = .offered
        }
        guard let (name, address) = Self.sender(from) else { return nil }
        fromName = name
        self.from = address
    }

    private static func sender(_ text: String) -> (name: String, address: String)? {
        var (name, address) = ("", text[...])
        if text.hasSuffix(">"), let open = text.lastIndex(of: "<") {
            name = String(text[..<open].filter { $0 != "\"" })
            while name.hasSuffix(" ") { name.removeLast() }
            address = text[text.index(after: open)...].dropLast()
        }
        guard isAddress(address), !name.contains(where: \.isNewline) else { return nil }
        return (name, String(address))
    }

    /// What may stand between `<` and `>`: `local@domain`, no spaces, brackets or control characters (RFC 5321 §4.1.2).
    static func isAddress(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.unicodeScalars.allSatisfy { $0.value > 32 && $0.value != 127 && $0 != "<" && $0 != ">" }
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// Why a mail was not taken. Holds what the server said of it (its first line, cut to 200 characters), never a password.
package struct SMTPError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case unreachable, notEncrypted, notTrusted, refused, brokenAnswer, timeout
    }

    package var code: Code
    package var description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
