/// Passwords that guessers try first: those of a list, and what people make of such words. Pure; a value.
///
/// The list comes from outside (Debian's `john-data` has one); the words here hold where there is none. A password is common when
/// it is listed, or is a listed word with digits and signs around it, letters swapped for look-alikes, or said several times;
/// when it is a run of neighbouring keys, letters or digits; or when it is made of the account's own name or address.
package struct CommonPasswords: Sendable {
    private let listed: Set<String>

    /// Bytes of a list that are read at most; one word a line, lines with `#!` are comments.
    package static let maximumListBytes = 4 * 1024 * 1024

    package init(list: String = "") {
        var words = Set(Self.words)
        for line in list.split(whereSeparator: \.isNewline) where !line.hasPrefix("#!") {
            words.insert(line.lowercased())
        }
        listed = words
    }

    var count: Int { listed.count }

    /// - Parameter own: words of the person: DJ name, e-mail address.
    func contains(_ password: String, own: [String]) -> Bool {
        let lower = password.lowercased()
        if listed.contains(lower) { return true }
        let (core, unit) = (Self.core(lower), Self.unrepeated(lower))
        let forms = [
            core, Self.core(Self.withoutLookAlikes(lower)), Self.core(Self.withoutLookAlikes(core)), unit,
            Self.core(unit),
        ]
        for form in forms {
            if form.isEmpty || (form.count >= 3 && listed.contains(form)) { return true }
        }
        if Self.isRun(lower) || Self.isRun(unit) { return true }
        let people = own.flatMap { $0.lowercased().split { !$0.isLetter && !$0.isNumber } }.filter { $0.count >= 3 }
        return own.contains { lower == $0.lowercased() || core == $0.lowercased() }
            || people.contains { core == $0 || Self.core(String($0)) == core }
    }

    /// Without digits and signs at either end: `!Password123` is `password`. Of digits and signs alone nothing is left.
    private static func core(_ text: String) -> String {
        var rest = text[...]
        while let last = rest.last, !last.isLetter { rest = rest.dropLast() }
        while let first = rest.first, !first.isLetter { rest = rest.dropFirst() }
        // Ten or more digits that are no run and no repetition are a number to guess, not nothing.
        return rest.isEmpty && text.count >= 10 && Set(text).count > 4 && !isRun(text) ? text : String(rest)
    }

    private static let lookAlikes: [Character: Character] = [
        "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "+": "t",
    ]

    private static func withoutLookAlikes(_ text: String) -> String { String(text.map { lookAlikes[$0] ?? $0 }) }

    /// `abcabc` is `abc`, `aaaa` is `a`.
    private static func unrepeated(_ text: String) -> String {
        let characters = Array(text)
        for length in 1..<max(2, characters.count / 2 + 1) where characters.count.isMultiple(of: length) {
            let unit = characters.prefix(length)
            let isRepeated = stride(from: 0, to: characters.count, by: length).allSatisfy {
                characters[$0..<$0 + length] == unit
            }
            if isRepeated, length < characters.count { return length < 3 ? "" : String(unit) }
        }
        return text
    }

    private static let rows = [
        "abcdefghijklmnopqrstuvwxyz", "01234567890", "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop",
        "yxcvbnm", "azertyuiop", "qsdfghjklm", "1qaz2wsx3edc4rfv5tgb6yhn", "qazwsxedcrfvtgb", "1q2w3e4r5t6y7u8i9o0p",
    ]

    /// Made of at most two runs of neighbours, of three and more each, in either direction: `qwerty123`.
    private static func isRun(_ text: String) -> Bool {
        let all = rows + rows.map { String($0.reversed()) }
        var rest = text[...]
        for _ in 0..<2 {
            guard !rest.isEmpty else { break }
            let longest = all.map { commonRun(rest, $0) }.max() ?? 0
            guard longest >= 3 else { return false }
            rest = rest.dropFirst(longest)
        }
        return rest.count < 3
    }

    /// How much of the beginning of `text` stands in `row` in one piece.
    private static func commonRun(_ text: Substring, _ row: String) -> Int {
        guard let first = text.first else { return 0 }
        var longest = 0
        for start in row.indices where row[start] == first {
            let common = zip(text, row[start...]).prefix { $0 == $1 }.count
            longest = max(longest, common)
        }
        return longest
    }

    /// What stands at the top of every published count, and words of a place like this one.
    private static let words: [String] = """
        password passwort passwd passphrase letmein welcome admin administrator root login user guest master changeme secret
        default test testing tester sample example temp hello hallo iloveyou loveyou lovely love princess prinzessin sunshine
        monkey dragon football baseball basketball hockey soccer superman batman spiderman shadow michael jennifer jordan
        ashley jessica daniel charlie thomas robert matthew joshua andrew nicole hunter ranger harley buster tigger ginger
        pepper cookie banana orange cheese chocolate summer winter spring autumn flower freedom whatever trustno computer
        internet samsung google facebook youtube twitter instagram spotify netflix pokemon naruto minecraft starwars matrix
        ninja killer hacker samurai phoenix thunder lightning silver golden diamond money mustang ferrari porsche mercedes
        corvette yamaha honda liverpool arsenal chelsea barcelona madrid london berlin paris america jesus christ angel
        angels blessed family mother father mommy daddy friends forever babygirl lovers sexy fuckyou asshole bitch purple
        yellow red blue green black white letmein access qwerty qwertz azerty asdfgh zxcvbn nothing unknown blink
        metallica nirvana eminem slipknot music musik techno house trance disco party partytime dance dancing deejay
        dj djing stream streamer streaming obs broadcast lineup live onair queue radio rave vinyl turntable mixer
        """.split(whereSeparator: \.isWhitespace).map(String.init)
}
