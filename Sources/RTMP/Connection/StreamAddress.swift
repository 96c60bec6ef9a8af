package import Domain

/// What a publisher asks for, before its address on the network is known to anybody but the transport.
package struct PublishIntent: Sendable, Equatable {
    package var application: String
    /// Empty when none was sent.
    package var key: Secret
    /// `flashVer`, at most 128 characters, control characters removed.
    package var encoder: String?

    package init(application: String, key: Secret, encoder: String?) {
        self.application = application
        self.key = key
        self.encoder = encoder
    }
}

/// The path a peer was given, taken apart: `live`, `live/`, `live?token=1`, `live/KEY`, `play`, `play/CHANNEL`.
///
/// OBS with `rtmp://HOST/live/KEY` as its server and no key sends the application `live/KEY` and an empty stream name; ffmpeg
/// and librtmp send the last path element as the stream name. Blanks and line ends around a part come from the clipboard and are
/// no part of any key; inside a key they make it another.
struct StreamAddress: Equatable {
    static let publishing = "live"
    static let playing = "play"
    /// A stream that is only tested.
    static let rehearsing = "test"

    /// The first path element.
    var application: String
    private var rest: String
    /// Behind the application.
    let region: Region?

    init(application path: String) {
        region = Self.region(in: path)
        let elements = Self.elements(path)
        application = elements.first.map(String.init) ?? ""
        rest = elements.dropFirst().joined(separator: "/")
    }

    var isKnown: Bool { isPublishing || application == Self.playing }
    var isPublishing: Bool { application == Self.publishing || application == Self.rehearsing }

    /// The key, from the stream name or else from the application's path. `nil` when both are there and differ: that is a
    /// second application name.
    func key(streamName: String) -> Secret? { name(streamName: streamName).map(Secret.init) }

    /// The channel, found as a key is: one path element of at most 128 characters, or `nil`. It is a name to look up and never
    /// a path, so `..` and the like are no channel's.
    ///
    /// ffmpeg and librtmp put `mp4:`, `mp3:` or `flv:` before names that look like files; VLC plays through either of them.
    func channel(streamName: String) -> String? {
        guard var name = name(streamName: streamName) else { return nil }
        for prefix in ["mp4:", "mp3:", "flv:"] where name.hasPrefix(prefix) {
            name.removeFirst(prefix.count)
            break
        }
        guard let channel = PeerText.cleaned(name, maximumCharacters: 128), !channel.contains("/"),
            !channel.contains("\\"), channel != ".", channel != ".."
        else { return nil }
        return channel
    }

    /// `main?region=GB`: where the player says it is; `nil` where it says nothing, or no code.
    static func region(in path: String) -> Region? {
        guard let start = path.firstIndex(of: "?") else { return nil }
        let prefix = Region.parameter + "="
        let field = path[path.index(after: start)...].split(separator: "&").first { $0.hasPrefix(prefix) }
        return field.flatMap { Region($0.dropFirst(prefix.count)) }
    }

    private func name(streamName: String) -> String? {
        let name = Self.elements(streamName).joined(separator: "/")
        if name.isEmpty || name == rest { return rest }
        return rest.isEmpty ? name : nil
    }

    private static func elements(_ path: String) -> [Substring] {
        path.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: true).map(trimmed).filter {
            !$0.isEmpty
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
