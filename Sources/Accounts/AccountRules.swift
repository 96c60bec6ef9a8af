import Domain

/// What a sign-up form may hold. Pure; the sentences are for the person at the form.
enum AccountRules {
    /// - Returns: the form with e-mail and name in the shape that is stored.
    static func check(_ form: SignUpForm, common: CommonPasswords) throws(AccountError) -> SignUpForm {
        let (email, name) = (try checkEmail(form.email), try checkName(form.name))
        let password = try checkPassword(form.password, common: common, own: [email, name])
        return SignUpForm(
            email: email, name: name, password: password, timeZone: try form.timeZone.flatMap(checkTimeZone),
            invitation: form.invitation)
    }

    /// The form of an IANA name (`Europe/Berlin`), which browsers know; `nil` for an empty one.
    static func checkTimeZone(_ text: String) throws(AccountError) -> String? {
        guard !text.isEmpty else { return nil }
        let isName =
            text.utf8.count <= 64 && text.first?.isLetter == true
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "+"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        guard isName else { throw .invalid(field: "timeZone", reason: "A time zone is a name like Europe/Berlin.") }
        return text
    }

    static func normalizedEmail(_ text: String) -> String { trimmed(text).lowercased() }

    /// Trimmed, with single spaces inside.
    static func normalizedName(_ text: String) -> String {
        text.split { $0.isWhitespace && !$0.isNewline }.joined(separator: " ")
    }

    /// The shape `local@domain` without spaces, 254 bytes at most (RFC 5321 §4.5.3.1). Whether mail arrives is another
    /// question; `localhost` is a domain.
    static func checkEmail(_ text: String) throws(AccountError) -> String {
        let email = normalizedEmail(text)
        guard email.utf8.count <= AccountLimits.maximumEmailBytes else {
            throw .invalid(field: "email", reason: "An e-mail address has at most 254 characters.")
        }
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, let local = parts.first, let domain = parts.last, !local.isEmpty,
            local.utf8.count <= 64, isDomain(domain), email.unicodeScalars.allSatisfy(isVisible)
        else {
            throw .invalid(field: "email", reason: "This is not an e-mail address: it has the form name@example.org.")
        }
        return email
    }

    static func checkName(_ text: String) throws(AccountError) -> String {
        let name = normalizedName(text)
        guard AccountLimits.nameCharacters.contains(name.count), name.utf8.count <= AccountLimits.maximumNameBytes
        else {
            throw .invalid(field: "name", reason: "A DJ name has 1 to 40 characters.")
        }
        guard isPlainText(name) else {
            throw .invalid(
                field: "name",
                reason: "A DJ name has letters, digits, signs and emoji, and nothing that cannot be seen.")
        }
        return name
    }

    /// - Parameter own: the person's name and address, which make no password.
    static func checkPassword(
        _ password: Secret, common: CommonPasswords, own: [String]
    ) throws(AccountError) -> Secret {
        guard AccountLimits.passwordCharacters.contains(password.exposed.count),
            password.exposed.utf8.count <= AccountLimits.maximumPasswordBytes
        else { throw .invalid(field: "password", reason: "A password has 8 to 128 characters.") }
        guard !common.contains(password.exposed, own: own) else {
            throw .invalid(
                field: "password",
                reason: "This password is among the first that are tried: take several words, or what no one guesses.")
        }
        return password
    }

    static func checkLabel(_ text: String) throws(AccountError) -> String {
        guard let label = label(text) else {
            throw .invalid(field: "label", reason: "A key's label has 1 to 60 visible characters.")
        }
        return label
    }

    static func checkTokenName(_ text: String) throws(AccountError) -> String {
        guard let name = label(text) else {
            throw .invalid(field: "name", reason: "A token's name has 1 to 60 visible characters.")
        }
        return name
    }

    /// May be empty.
    static func checkNote(_ text: String) throws(AccountError) -> String {
        if normalizedName(text).isEmpty { return "" }
        guard let note = label(text) else {
            throw .invalid(field: "note", reason: "A note has at most 60 visible characters.")
        }
        return note
    }

    /// With single spaces inside; `nil` for what is no label.
    private static func label(_ text: String) -> String? {
        let label = normalizedName(text)
        guard AccountLimits.labelCharacters.contains(label.count), label.utf8.count <= AccountLimits.maximumLabelBytes,
            isPlainText(label)
        else { return nil }
        return label
    }

    private static func isDomain(_ text: Substring) -> Bool {
        !text.isEmpty && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }

    private static func trimmed(_ text: String) -> String {
        var text = text[...]
        while text.first?.isWhitespace == true { text = text.dropFirst() }
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return String(text)
    }

    /// Single spaces and visible characters only. A joiner counts as visible inside an emoji, where it shows; elsewhere it
    /// would let two names look the same.
    private static func isPlainText(_ text: String) -> Bool {
        text.allSatisfy { character in
            if character == " " { return true }
            let scalars = Array(character.unicodeScalars)
            guard let first = scalars.first, isBase(first) else { return false }
            let isEmoji = first.properties.isEmoji && !first.isASCII
            return scalars.dropFirst().allSatisfy { isVisible($0) || isEmoji && ($0 == joiner || isTag($0)) }
        }
    }

    private static let joiner: Unicode.Scalar = "\u{200D}"

    /// Tags spell the flags of regions, behind a black flag.
    private static func isTag(_ scalar: Unicode.Scalar) -> Bool { (0xE0020...0xE007F).contains(scalar.value) }

    private static func isBase(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: false
        default: isVisible(scalar)
        }
    }

    /// Not a control, format, surrogate, private or unassigned code point, no kind of space, and not one of the letters
    /// that show nothing.
    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            false
        default:
            // Variation selectors are ignorable too, and belong to emoji.
            !scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.isVariationSelector
        }
    }
}
