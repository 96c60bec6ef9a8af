/// What a channel shows and takes, beside whose turn it is: an operator's grip on the output, the slate, the envelope.
///
/// Part of `QueueSettings`, so it is changed live, audited and stored like them; each `ProgrammeOrder` carries it.
package struct OutputSettings: Sendable, Hashable {
    /// Stored as well: a slate that an operator ordered must not vanish because the server died and came back.
    package var emergency = ProgrammeEmergency.off
    /// What the slate says; `nil`: what the server is configured with. At most `maximumTextCharacters`.
    package var slateText: String?
    /// The name of an image or clip in the data folder's `slates`, shown instead of the text; `nil`: what the server is
    /// configured with. A plain name, so that no setting can reach another file of the machine.
    package var slateFile: String?
    /// Between a DJ and the programme, in whole milliseconds; 0…30 s. `nil`: what the server is configured with.
    package var programmeDelay: Duration?
    /// What is taken of DJs.
    package var envelope = Envelope()
    /// The ways to watch that are offered; the others answer as if they did not exist.
    package var outputs = Set(ViewerProtocol.allCases)

    package init() {}

    static let maximumTextCharacters = 366
    static let sizeRange = 16...4096
    static let frameRateRange = 1...120
    static let kilobitRange = 100...100_000
    static let channelRange = 1...8
    static let delayRange: ClosedRange<Duration> = .zero ... .seconds(30)

    /// The first value outside its range, in words that name it and the range; `nil` when all is well.
    var problem: String? {
        if let slateText, slateText.count > Self.maximumTextCharacters || slateText.contains("\0") {
            return "slateText must be at most six lines of 60 characters"
        }
        if let slateFile, !Self.isFileName(slateFile) {
            return "slateFile must be the name of a file in the data folder's `slates`: letters, digits, . _ - only"
        }
        if let programmeDelay, !Self.delayRange.contains(programmeDelay) { return Self.delayProblem }
        if envelope.videoCodecs.isEmpty { return "videoCodecs must name at least one codec" }
        if !Self.sizeRange.contains(envelope.maximumWidth) || !Self.sizeRange.contains(envelope.maximumHeight) {
            return "maximumSize must be 16x16 to 4096x4096"
        }
        if !(1...120).contains(envelope.maximumFrameRate) { return "maximumFrameRate must be 1 to 120" }
        if !Self.kilobitRange.contains(envelope.maximumBitsPerSecond / 1000) {
            return "maximumBitrate must be 100 to 100000 kbit/s"
        }
        if !Self.channelRange.contains(envelope.maximumAudioChannels) {
            return "maximumAudioChannels must be 1 to 8"
        }
        return nil
    }

    private static func isFileName(_ name: String) -> Bool {
        guard (1...100).contains(name.utf8.count), name.first != "." else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

// MARK: As an operator types and reads them

extension OutputSettings {
    package static let names = [
        "emergency", "programmeDelay", "slateText", "slateFile", "videoCodecs", "maximumSize", "maximumFrameRate",
        "maximumBitrate", "maximumAudioChannels", "outputs",
    ]

    /// Codecs that the programme can carry on; others are refused whatever is set.
    private static let videoChoices: [VideoFormat.Codec] = [.h264, .hevc]

    /// - Returns: `false` when there is no such setting.
    /// - Throws: `QueueCommandError.invalidSetting` for a text that is none.
    mutating func set(_ name: String, to text: String) throws(QueueCommandError) -> Bool {
        switch name {
        case "emergency":
            guard let state = ProgrammeEmergency(rawValue: text) else {
                throw .invalidSetting("emergency must be slate, mute or off, not '\(text)'")
            }
            emergency = state
        case "programmeDelay": programmeDelay = text == "none" ? nil : try Self.delay(text)
        case "slateText": slateText = text == "none" ? nil : text
        case "slateFile": slateFile = text == "none" ? nil : text
        case "videoCodecs": envelope.videoCodecs = try Self.codecs(text)
        case "maximumSize":
            let parts = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
            guard parts.count == 2, let width = parts[0], let height = parts[1] else {
                throw .invalidSetting("maximumSize must be like 1920x1080, not '\(text)'")
            }
            (envelope.maximumWidth, envelope.maximumHeight) = (width, height)
        case "maximumFrameRate": envelope.maximumFrameRate = Double(try Self.number(text, for: name))
        case "maximumBitrate":
            // In kbit/s, as encoders ask for it.
            let kilobits = try Self.number(text, for: name)
            guard Self.kilobitRange.contains(kilobits) else {
                throw .invalidSetting("maximumBitrate must be 100 to 100000 kbit/s")
            }
            envelope.maximumBitsPerSecond = kilobits * 1000
        case "maximumAudioChannels": envelope.maximumAudioChannels = try Self.number(text, for: name)
        case "outputs": outputs = try Self.outputs(text)
        default: return false
        }
        return true
    }

    /// What `set` takes to make the setting what it is; `nil` when there is no such setting.
    func text(of name: String) -> String? {
        switch name {
        case "emergency": emergency.rawValue
        case "programmeDelay": programmeDelay.map(Self.delayText) ?? "none"
        case "slateText": slateText ?? "none"
        case "slateFile": slateFile ?? "none"
        case "videoCodecs":
            VideoFormat.Codec.allCases.filter(envelope.videoCodecs.contains).map(\.rawValue).joined(separator: ",")
        case "maximumSize": "\(envelope.maximumWidth)x\(envelope.maximumHeight)"
        case "maximumFrameRate": "\(Int(envelope.maximumFrameRate))"
        case "maximumBitrate": "\(envelope.maximumBitsPerSecond / 1000)"
        case "maximumAudioChannels": "\(envelope.maximumAudioChannels)"
        case "outputs": outputsText
        default: nil
        }
    }

    private static let delayProblem =
        "programmeDelay must be 0 to 30 s, like 2s or 0.5s, or none for what the server is configured with"

    /// Seconds with at most three decimals; an `s` may follow.
    private static func delay(_ text: String) throws(QueueCommandError) -> Duration {
        let parts = (text.hasSuffix("s") ? text.dropLast() : text[...])
            .split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        let decimals = parts.count == 2 ? parts[1] : "0"
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            (1...3).contains(decimals.count), let seconds = Int(parts[0]), seconds <= 30,
            let thousandths = Int(decimals + String(repeating: "0", count: 3 - decimals.count))
        else { throw .invalidSetting("\(delayProblem), not '\(text)'") }
        return .milliseconds(seconds * 1000 + thousandths)
    }

    private static func delayText(_ delay: Duration) -> String {
        let milliseconds = delay.wholeMilliseconds
        guard !milliseconds.isMultiple(of: 1000) else { return "\(milliseconds / 1000)s" }
        var decimals = "\(milliseconds % 1000 + 1000)".dropFirst()
        while decimals.last == "0" { decimals.removeLast() }
        return "\(milliseconds / 1000).\(decimals)s"
    }

    private static func number(_ text: String, for name: String) throws(QueueCommandError) -> Int {
        guard let number = Int(text), number >= 0 else {
            throw .invalidSetting("\(name) must be a whole number, not '\(text)'")
        }
        return number
    }

    /// All of them are stored as `all`, so that an output that a later version adds is on too.
    private var outputsText: String {
        if outputs.isEmpty { return "none" }
        return outputs.count == ViewerProtocol.allCases.count
            ? "all" : ViewerProtocol.names(outputs).joined(separator: ",")
    }

    private static func outputs(_ text: String) throws(QueueCommandError) -> Set<ViewerProtocol> {
        switch text {
        case "all": return Set(ViewerProtocol.allCases)
        case "none": return []
        default: break
        }
        var outputs: Set<ViewerProtocol> = []
        for part in text.split(separator: ",", maxSplits: 20, omittingEmptySubsequences: false) {
            guard let output = ViewerProtocol.allCases.first(where: { $0.outputName == part }) else {
                let known = ViewerProtocol.names(Set(ViewerProtocol.allCases)).joined(separator: ",")
                throw .invalidSetting("outputs must be all, none, or some of \(known), not '\(part)'")
            }
            outputs.insert(output)
        }
        return outputs
    }

    private static func codecs(_ text: String) throws(QueueCommandError) -> Set<VideoFormat.Codec> {
        var codecs: Set<VideoFormat.Codec> = []
        for part in text.split(separator: ",", maxSplits: 10) {
            guard let codec = VideoFormat.Codec(rawValue: String(part)), videoChoices.contains(codec) else {
                throw .invalidSetting("videoCodecs must be h264, hevc or h264,hevc, not '\(text)'")
            }
            codecs.insert(codec)
        }
        guard !codecs.isEmpty else { throw .invalidSetting("videoCodecs must be h264, hevc or h264,hevc") }
        return codecs
    }
}
