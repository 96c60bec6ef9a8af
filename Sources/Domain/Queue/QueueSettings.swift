/// A channel's queue settings, editable while it runs and persisted (design §4).
package struct QueueSettings: Sendable, Equatable {
    /// Where a DJ whose slot was ended for them may come in again (design §4, rule 5).
    package enum Rejoin: String, Sendable, CaseIterable {
        /// At the tail, at once.
        case tail
        /// Not before their encoder was silent for `QueueMachine.quietSpan`: against forgotten ones that retry for ever.
        case afterQuiet
    }

    /// What the programme shows while a dropped DJ has the slot (design §4, rule 3).
    package enum CoverDrop: String, Sendable, CaseIterable {
        case slate
        /// The next ready DJ goes on air; who dropped comes next after that, with the time that was left.
        case next
    }

    /// Keeps a DJ whose slot was ended for them out for a while (design §4, rule 6).
    package enum BlockAfterTurn: Sendable, Hashable {
        case off
        /// Until the programme has shown another DJ.
        case untilSomeoneElsePlayed
        /// 1…10,080.
        case minutes(Int)
    }

    /// `nil`: unlimited. In seconds; 1…86,400.
    package var slotSeconds: Int?
    /// The DJ on air stays while nobody who is ready waits.
    package var overtimeWhenAlone: Bool
    package var rejoin: Rejoin
    /// `deadAfter`: on air, no video for 10 s or silence for 20 s ends the slot with the reason `unhealthy`.
    package var endsDeadSlots: Bool
    package var coverDrop: CoverDrop
    /// How long a dropped DJ on air keeps the slot, in seconds; 0…3,600.
    package var graceOnAirSeconds: Int
    /// How long a dropped waiting DJ keeps the place, in seconds; 0…3,600.
    package var graceWaitingSeconds: Int
    package var blockAfterTurn: BlockAfterTurn
    /// The next ready DJ is taken by itself. Off: whoever is on air stays, and afterwards the slate shows until an operator
    /// puts somebody on air.
    package var autoAdvance: Bool
    /// 1…10,000; `nil`: no limit.
    package var maximumLength: Int?
    /// Joining is allowed.
    package var isOpen: Bool
    /// At which time left the DJ on air is warned, in seconds, longest first; at most 10 of 1…86,400.
    package var warningSeconds: [Int]
    /// What the channel shows and takes.
    package var output: OutputSettings

    package init(
        slotSeconds: Int? = 3600, overtimeWhenAlone: Bool = true, rejoin: Rejoin = .tail, endsDeadSlots: Bool = false,
        coverDrop: CoverDrop = .slate, graceOnAirSeconds: Int = 30, graceWaitingSeconds: Int = 120,
        blockAfterTurn: BlockAfterTurn = .off, autoAdvance: Bool = true, maximumLength: Int? = nil,
        isOpen: Bool = true, warningSeconds: [Int] = [600, 300, 60],
        output: OutputSettings = OutputSettings()
    ) {
        self.slotSeconds = slotSeconds
        self.overtimeWhenAlone = overtimeWhenAlone
        self.rejoin = rejoin
        self.endsDeadSlots = endsDeadSlots
        self.coverDrop = coverDrop
        self.graceOnAirSeconds = graceOnAirSeconds
        self.graceWaitingSeconds = graceWaitingSeconds
        self.blockAfterTurn = blockAfterTurn
        self.autoAdvance = autoAdvance
        self.maximumLength = maximumLength
        self.isOpen = isOpen
        self.warningSeconds = warningSeconds
        self.output = output
    }

    static let slotRange = 1...86_400
    static let graceRange = 0...3600
    static let lengthRange = 1...10_000
    static let blockMinutesRange = 1...10_080
    static let maximumWarnings = 10

    /// The first value outside its range, in words that name it and the range; `nil` when all is well.
    package var problem: String? {
        if let slotSeconds, !Self.slotRange.contains(slotSeconds) {
            return "slotLength must be 1 s to 24 h, or none for no limit"
        }
        if !Self.graceRange.contains(graceOnAirSeconds) { return "graceOnAir must be 0 s to 1 h" }
        if !Self.graceRange.contains(graceWaitingSeconds) { return "graceWaiting must be 0 s to 1 h" }
        if case .minutes(let minutes) = blockAfterTurn, !Self.blockMinutesRange.contains(minutes) {
            return "blockAfterTurn must be off, untilSomeoneElsePlayed, or 1 min to 7 days"
        }
        if let maximumLength, !Self.lengthRange.contains(maximumLength) {
            return "maximumLength must be 1 to 10000, or none for no limit"
        }
        if !Self.areWarnings(warningSeconds) {
            return "warnings must be at most 10 spans of 1 s to 24 h, or none"
        }
        return output.problem
    }

    static func areWarnings(_ seconds: [Int]) -> Bool {
        seconds.count <= maximumWarnings && seconds.allSatisfy(slotRange.contains)
            && zip(seconds, seconds.dropFirst()).allSatisfy { $0 > $1 }
    }
}

extension QueueSettings: Codable {
    private enum Key: String, CodingKey {
        case slotSeconds, overtimeWhenAlone, rejoin, deadAfter, coverDrop, graceOnAirSeconds, graceWaitingSeconds
        case blockAfterTurn, autoAdvance, maximumLength, isOpen, warningSeconds, output
    }

    /// Reads what any version of this program stored: a field that is absent, of another type or outside its range has its
    /// default, so no row can keep a server from starting. A limit that was taken away is an explicit null.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.init()
        func take<Value: Decodable>(_ key: Key, into place: WritableKeyPath<Self, Value>) {
            // Absent, or stored by another version in another form: its default.
            guard let value = try? fields.decode(Value.self, forKey: key) else { return }
            var new = self
            new[keyPath: place] = value
            if new.problem == nil { self = new }
        }
        func takeText<Value>(_ key: Key, into place: WritableKeyPath<Self, Value>, _ parse: (String) -> Value?) {
            guard let text = try? fields.decode(String.self, forKey: key), let value = parse(text) else { return }
            var new = self
            new[keyPath: place] = value
            if new.problem == nil { self = new }
        }
        take(.slotSeconds, into: \.slotSeconds)
        take(.overtimeWhenAlone, into: \.overtimeWhenAlone)
        takeText(.rejoin, into: \.rejoin, Rejoin.init(rawValue:))
        take(.deadAfter, into: \.endsDeadSlots)
        takeText(.coverDrop, into: \.coverDrop, CoverDrop.init(rawValue:))
        take(.graceOnAirSeconds, into: \.graceOnAirSeconds)
        take(.graceWaitingSeconds, into: \.graceWaitingSeconds)
        takeText(.blockAfterTurn, into: \.blockAfterTurn, BlockAfterTurn.init(text:))
        take(.autoAdvance, into: \.autoAdvance)
        take(.maximumLength, into: \.maximumLength)
        take(.isOpen, into: \.isOpen)
        take(.warningSeconds, into: \.warningSeconds)
        // As their texts, each by itself: one that an older or newer binary does not take has its default.
        let texts = (try? fields.decode([String: String].self, forKey: .output)) ?? [:]
        for name in OutputSettings.names {
            guard let text = texts[name] else { continue }
            // Lost is what this binary cannot do.
            try? set(name, to: text)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        // Optionals are encoded as they are: nil becomes null, not absence.
        try fields.encode(slotSeconds, forKey: .slotSeconds)
        try fields.encode(overtimeWhenAlone, forKey: .overtimeWhenAlone)
        try fields.encode(rejoin.rawValue, forKey: .rejoin)
        try fields.encode(endsDeadSlots, forKey: .deadAfter)
        try fields.encode(coverDrop.rawValue, forKey: .coverDrop)
        try fields.encode(graceOnAirSeconds, forKey: .graceOnAirSeconds)
        try fields.encode(graceWaitingSeconds, forKey: .graceWaitingSeconds)
        try fields.encode(blockAfterTurn.text, forKey: .blockAfterTurn)
        try fields.encode(autoAdvance, forKey: .autoAdvance)
        try fields.encode(maximumLength, forKey: .maximumLength)
        try fields.encode(isOpen, forKey: .isOpen)
        try fields.encode(warningSeconds, forKey: .warningSeconds)
        let texts = OutputSettings.names.compactMap { name in output.text(of: name).map { (name, $0) } }
        try fields.encode(Dictionary(texts) { $1 }, forKey: .output)
    }
}
