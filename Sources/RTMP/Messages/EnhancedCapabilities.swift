package import Domain

/// What one side of a connection can do beyond Flash's RTMP, as it says in `connect` or in its answer (Enhanced RTMP v2,
/// "Enhancing NetConnection connect Command").
package struct EnhancedCapabilities: Sendable, Equatable {
    /// `capsEx`.
    package struct Features: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let reconnect = Features(rawValue: 1)
        package static let multitrack = Features(rawValue: 2)
        package static let modifiers = Features(rawValue: 4)
        package static let nanosecondOffsets = Features(rawValue: 8)
    }

    /// A value of the info maps.
    package struct Uses: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let decode = Uses(rawValue: 1)
        package static let encode = Uses(rawValue: 2)
        package static let forward = Uses(rawValue: 4)
    }

    package struct Codec: Sendable, Equatable {
        /// Four characters, or `*` for all.
        package var fourCC: String
        package var uses: Uses

        package init(_ fourCC: String, _ uses: Uses) {
            self.fourCC = fourCC
            self.uses = uses
        }
    }

    package var features: Features
    package var video: [Codec]
    package var audio: [Codec]
    /// `fourCcList`, the older form of the two maps: codecs of either kind, fully supported.
    package var listed: [String] = []

    package init(features: Features = [], video: [Codec] = [], audio: [Codec] = []) {
        self.features = features
        self.video = video
        self.audio = audio
    }

    /// What this server and its clients say by default. Multitrack is not among it: one track of each kind is taken.
    package static let ours = EnhancedCapabilities(
        features: [.reconnect, .modifiers, .nanosecondOffsets],
        video: [Codec("avc1", [.decode, .forward]), Codec("hvc1", [.decode, .forward])],
        audio: [Codec("mp4a", [.decode, .forward])])

    /// Whether the peer said anything of the kind; only then is it answered.
    var isEmpty: Bool { features.isEmpty && video.isEmpty && audio.isEmpty && listed.isEmpty }

    /// The video codecs in which a player or server that says this can be sent pictures. H.264 is always one of them: in the form of
    /// older RTMP, which everybody reads.
    package var videoCodecs: Set<VideoFormat.Codec> {
        let names = Set(listed + video.filter { !$0.uses.isDisjoint(with: [.decode, .forward]) }.map(\.fourCC))
        guard !names.contains("*") else { return Set(VideoFormat.Codec.allCases) }
        return Set(VideoFormat.Codec.allCases.filter { $0 == .h264 || names.contains(FourCC.name(of: $0)) })
    }

    // MARK: As AMF

    /// Codecs beyond this many are not looked at.
    private static let maximumCodecs = 32

    /// Reads a connect command's object or its answer's. What is not of the expected kind counts as not said.
    init(reading object: AMF0Object) {
        let bits = object["capsEx"]?.number.flatMap { UInt32(exactly: $0) } ?? 0
        features = Features(rawValue: bits)
        video = Self.codecs(object["videoFourCcInfoMap"])
        audio = Self.codecs(object["audioFourCcInfoMap"])
        if case .array(let names)? = object["fourCcList"] {
            listed = names.prefix(Self.maximumCodecs).compactMap { $0.string.flatMap(Self.fourCC) }
        }
    }

    private static func codecs(_ value: AMF0Value?) -> [Codec] {
        (value?.object?.members ?? []).prefix(maximumCodecs).compactMap { member in
            guard let name = fourCC(member.name), let bits = member.value.number.flatMap({ UInt32(exactly: $0) })
            else { return nil }
            return Codec(name, Uses(rawValue: bits))
        }
    }

    private static func fourCC(_ text: String) -> String? {
        text == "*" || text.utf8.count == 4 ? PeerText.cleaned(text, maximumCharacters: 4) : nil
    }

    /// The members of the object this belongs into.
    var members: [AMF0Object.Member] {
        [
            .init("fourCcList", .array((video + audio).map { .string($0.fourCC) })),
            .init("videoFourCcInfoMap", .object(Self.object(video))),
            .init("audioFourCcInfoMap", .object(Self.object(audio))),
            .init("capsEx", .number(Double(features.rawValue))),
        ]
    }

    private static func object(_ codecs: [Codec]) -> AMF0Object {
        AMF0Object(codecs.map { .init($0.fourCC, .number(Double($0.uses.rawValue))) })
    }
}
