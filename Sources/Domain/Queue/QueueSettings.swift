/// A channel's queue settings, editable while it runs and persisted (design §4).
package struct QueueSettings: Sendable, Equatable, Codable {
    /// `nil`: unlimited. In seconds; 1…86,400.
    package var slotSeconds: Int?
    /// The DJ on air stays while nobody who is ready waits.
    package var overtimeWhenAlone: Bool
    /// How long a dropped DJ on air keeps the slot, in seconds; 0…3,600.
    package var graceOnAirSeconds: Int
    /// How long a dropped waiting DJ keeps the place, in seconds; 0…3,600.
    package var graceWaitingSeconds: Int
    /// 1…10,000; `nil`: no limit.
    package var maximumLength: Int?
    /// Joining is allowed.
    package var isOpen: Bool

    package init(
        slotSeconds: Int? = 3600, overtimeWhenAlone: Bool = true, graceOnAirSeconds: Int = 30,
        graceWaitingSeconds: Int = 120, maximumLength: Int? = nil, isOpen: Bool = true
    ) {
        self.slotSeconds = slotSeconds
        self.overtimeWhenAlone = overtimeWhenAlone
        self.graceOnAirSeconds = graceOnAirSeconds
        self.graceWaitingSeconds = graceWaitingSeconds
        self.maximumLength = maximumLength
        self.isOpen = isOpen
    }

    /// The first value outside its range, in words that name it and the range; `nil` when all is well.
    package var problem: String? {
        if let slotSeconds, !(1...86_400).contains(slotSeconds) {
            return "slotLength must be 1 s to 24 h, or none for no limit"
        }
        if !(0...3600).contains(graceOnAirSeconds) { return "graceOnAir must be 0 s to 1 h" }
        if !(0...3600).contains(graceWaitingSeconds) { return "graceWaiting must be 0 s to 1 h" }
        if let maximumLength, !(1...10_000).contains(maximumLength) {
            return "maximumLength must be 1 to 10000, or none for no limit"
        }
        return nil
    }

    /// Sets one setting from the text an operator typed: `slotLength=30m`.
    ///
    /// Spans are `90`, `90s`, `30m` or `2h`; `none` lifts a limit; switches are `true` or `false`.
    /// - Throws: `QueueCommandError.invalidSetting` naming the setting and what it takes.
    package mutating func set(_ name: String, to text: String) throws(QueueCommandError) {
        var new = self
        switch name {
        case "slotLength": new.slotSeconds = text == "none" ? nil : try Self.span(text, for: name)
        case "overtimeWhenAlone": new.overtimeWhenAlone = try Self.flag(text, for: name)
        case "graceOnAir": new.graceOnAirSeconds = try Self.span(text, for: name)
        case "graceWaiting": new.graceWaitingSeconds = try Self.span(text, for: name)
        case "maximumLength":
            if text == "none" {
                new.maximumLength = nil
            } else if let number = Int(text) {
                new.maximumLength = number
            } else {
                throw .invalidSetting("maximumLength must be 1 to 10000, or none for no limit")
            }
        case "open": new.isOpen = try Self.flag(text, for: name)
        default:
            throw .invalidSetting("there is no setting '\(name)'; known: \(Self.names.joined(separator: ", "))")
        }
        if let problem = new.problem { throw .invalidSetting(problem) }
        self = new
    }

    package static let names = [
        "slotLength", "overtimeWhenAlone", "graceOnAir", "graceWaiting", "maximumLength", "open",
    ]

    private static func span(_ text: String, for name: String) throws(QueueCommandError) -> Int {
        var digits = text[...]
        var factor = 1
        switch text.last {
        case "s": digits = text.dropLast()
        case "m": (digits, factor) = (text.dropLast(), 60)
        case "h": (digits, factor) = (text.dropLast(), 3600)
        default: break
        }
        guard let number = Int(digits), number >= 0, number <= 86_400 else {
            throw .invalidSetting("\(name) must be a span like 90s, 30m or 2h, not '\(text)'")
        }
        return number * factor
    }

    private static func flag(_ text: String, for name: String) throws(QueueCommandError) -> Bool {
        switch text {
        case "true", "on", "yes": true
        case "false", "off", "no": false
        default: throw .invalidSetting("\(name) must be true or false, not '\(text)'")
        }
    }
}
