/// The settings as an operator types and reads them: `lineup queue set slotLength=30m`.
extension QueueSettings {
    package static let names =
        [
            "slotLength", "overtimeWhenAlone", "rejoin", "deadAfter", "coverDrop", "graceOnAir", "graceWaiting",
            "blockAfterTurn", "autoAdvance", "maximumLength", "open", "warnings",
        ] + OutputSettings.names

    /// Sets one setting from the text an operator typed.
    ///
    /// Spans are `90`, `90s`, `30m` or `2h`; `none` lifts a limit; switches are `true` or `false`.
    /// - Throws: `QueueCommandError.invalidSetting` naming the setting and what it takes.
    package mutating func set(_ name: String, to text: String) throws(QueueCommandError) {
        var new = self
        switch name {
        case "slotLength": new.slotSeconds = text == "none" ? nil : try Self.span(text, for: name)
        case "overtimeWhenAlone": new.overtimeWhenAlone = try Self.flag(text, for: name)
        case "rejoin": new.rejoin = try Self.choice(text, for: name)
        case "deadAfter": new.endsDeadSlots = try Self.flag(text, for: name)
        case "coverDrop": new.coverDrop = try Self.choice(text, for: name)
        case "graceOnAir": new.graceOnAirSeconds = try Self.span(text, for: name)
        case "graceWaiting": new.graceWaitingSeconds = try Self.span(text, for: name)
        case "blockAfterTurn":
            guard let block = BlockAfterTurn(text: text) else {
                throw .invalidSetting(
                    "blockAfterTurn must be off, untilSomeoneElsePlayed, or whole minutes like 30m, not '\(text)'")
            }
            new.blockAfterTurn = block
        case "autoAdvance": new.autoAdvance = try Self.flag(text, for: name)
        case "maximumLength":
            if text != "none", Int(text) == nil {
                throw .invalidSetting("maximumLength must be 1 to 10000, or none for no limit")
            }
            new.maximumLength = text == "none" ? nil : Int(text)
        case "open": new.isOpen = try Self.flag(text, for: name)
        case "warnings":
            var seconds: Swift.Set<Int> = []
            if text != "none" {
                for part in text.split(separator: ",", maxSplits: 100) {
                    seconds.insert(try Self.span(String(part), for: name))
                }
            }
            new.warningSeconds = seconds.sorted(by: >)
        default:
            guard try !new.output.set(name, to: text) else { break }
            throw .invalidSetting("there is no setting '\(name)'; known: \(Self.names.joined(separator: ", "))")
        }
        if let problem = new.problem { throw .invalidSetting(problem) }
        self = new
    }

    /// What `set` takes to make the setting what it is; `nil` when there is no such setting.
    package func text(of name: String) -> String? {
        switch name {
        case "slotLength": slotSeconds.map(Self.text) ?? "none"
        case "overtimeWhenAlone": String(overtimeWhenAlone)
        case "rejoin": rejoin.rawValue
        case "deadAfter": String(endsDeadSlots)
        case "coverDrop": coverDrop.rawValue
        case "graceOnAir": Self.text(graceOnAirSeconds)
        case "graceWaiting": Self.text(graceWaitingSeconds)
        case "blockAfterTurn": blockAfterTurn.text
        case "autoAdvance": String(autoAdvance)
        case "maximumLength": maximumLength.map(String.init) ?? "none"
        case "open": String(isOpen)
        case "warnings":
            warningSeconds.isEmpty ? "none" : warningSeconds.map(Self.text).joined(separator: ",")
        default: output.text(of: name)
        }
    }

    private static func text(_ seconds: Int) -> String {
        if seconds > 0, seconds.isMultiple(of: 3600) { return "\(seconds / 3600)h" }
        if seconds > 0, seconds.isMultiple(of: 60) { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }

    fileprivate static func span(_ text: String, for name: String) throws(QueueCommandError) -> Int {
        guard let seconds = seconds(in: text) else {
            throw .invalidSetting("\(name) must be a span like 90s, 30m or 2h, not '\(text)'")
        }
        return seconds
    }

    /// `nil` for what is no span, or one past 7 days.
    fileprivate static func seconds(in text: String) -> Int? {
        var digits = text[...]
        var factor = 1
        switch text.last {
        case "s": digits = text.dropLast()
        case "m": (digits, factor) = (text.dropLast(), 60)
        case "h": (digits, factor) = (text.dropLast(), 3600)
        default: break
        }
        guard let number = Int(digits), (0...604_800).contains(number) else { return nil }
        return number * factor
    }

    private static func flag(_ text: String, for name: String) throws(QueueCommandError) -> Bool {
        switch text {
        case "true", "on", "yes": true
        case "false", "off", "no": false
        default: throw .invalidSetting("\(name) must be true or false, not '\(text)'")
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ text: String, for name: String
    ) throws(QueueCommandError) -> Choice {
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            throw .invalidSetting("\(name) must be \(known), not '\(text)'")
        }
        return choice
    }
}

extension QueueSettings.BlockAfterTurn {
    /// `off`, `untilSomeoneElsePlayed`, or whole minutes: `30m`, `2h`, `1800`.
    package init?(text: String) {
        switch text {
        case "off", "false": self = .off
        case "untilSomeoneElsePlayed": self = .untilSomeoneElsePlayed
        default:
            guard let seconds = QueueSettings.seconds(in: text), seconds > 0, seconds.isMultiple(of: 60) else {
                return nil
            }
            self = .minutes(seconds / 60)
        }
    }

    package var text: String {
        switch self {
        case .off: "off"
        case .untilSomeoneElsePlayed: "untilSomeoneElsePlayed"
        case .minutes(let minutes): "\(minutes)m"
        }
    }
}
