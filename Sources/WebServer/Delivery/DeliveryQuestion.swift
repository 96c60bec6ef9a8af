import Domain

/// What a request for `/hls/CHANNEL/NAME` or `/dash/CHANNEL/NAME` asks, read from its target and headers. Runs once per request on its event loop, so it
/// makes no copy it can do without.
struct DeliveryQuestion {
    enum Method {
        case get
        case head
        case options
        case other
    }

    /// The few headers that matter here.
    struct Headers {
        var ifNoneMatch: String?
        var ifRange: String?
        var range: String?
        var acceptEncoding: String?
        var userAgent: String?
        var forwardedFor: String?
        var forwarded: String?
        var origin: String?
        /// Told more than once it is worth nothing, and empty.
        var region: String?

        /// Takes one header.
        /// - Parameter name: in any case.
        mutating func take(_ name: some Collection<UInt8>, _ value: @autoclosure () -> String) {
            // Told apart by their length first: most are not ours.
            switch name.count {
            case 5: if name.isSame(as: "range") { range = value() }
            case 6: if name.isSame(as: "origin") { origin = value() }
            case 8:
                if name.isSame(as: "if-range") {
                    ifRange = value()
                } else if name.isSame(as: "x-region") {
                    region = region == nil ? value() : ""
                }
            case 9: if name.isSame(as: "forwarded") { Self.add(value(), to: &forwarded) }
            case 10: if name.isSame(as: "user-agent") { userAgent = value() }
            case 13: if name.isSame(as: "if-none-match") { Self.add(value(), to: &ifNoneMatch) }
            case 15:
                if name.isSame(as: "accept-encoding") {
                    Self.add(value(), to: &acceptEncoding)
                } else if name.isSame(as: "x-forwarded-for") {
                    Self.add(value(), to: &forwardedFor)
                }
            default: break
            }
        }

        /// Several lines are one list (RFC 9110 §5.3): each proxy may add one of its own.
        private static func add(_ value: String, to list: inout String?) {
            list = list.map { $0 + "," + value } ?? value
        }

        /// As `ForwardedWords` has them.
        var forwardedAddresses: String? {
            forwardedFor ?? forwarded.flatMap { ForwardedWords.values(of: "for", in: $0) }
        }

        /// RFC 9110 §12.5.3, as far as browsers and players write it.
        var acceptsGzip: Bool {
            guard let acceptEncoding else { return false }
            return acceptEncoding.split(separator: ",").contains { coding in
                let parts = coding.split(separator: ";", maxSplits: 1)
                // In any case (§8.4.1).
                guard let name = parts.first?.drop(while: { $0 == " " }), name.prefix(4).lowercased() == "gzip" else {
                    return false
                }
                guard parts.count == 2 else { return true }
                let weight = parts[1].drop { $0 == " " }
                return !(weight.hasPrefix("q=0") && !weight.contains { ("1"..."9").contains($0) })
            }
        }
    }

    /// `nil` for a target that is not ours.
    static func wrapping(of target: String) -> ViewerProtocol? {
        target.hasPrefix("/hls/") ? .hls : target.hasPrefix("/dash/") ? .dash : nil
    }

    var method: Method
    var wrapping: ViewerProtocol
    /// `nil` where the path names no channel.
    var channel: ChannelName?
    var name: String
    var directives: PlaylistDirectives
    /// A directive that is no number, or that is said twice; 400.
    var isMalformed: Bool
    var token: String?
    /// `region=` as sent, its first value.
    var region: String?
    var headers: Headers

    /// - Parameter target: one that has a `wrapping`; path and query as sent.
    init(method: Method, target: String, headers: Headers) {
        let whole = target.utf8
        wrapping = Self.wrapping(of: target) ?? .hls
        let afterPrefix = whole.dropFirst(wrapping.rawValue.utf8.count + 2)
        let pathEnd = afterPrefix.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? whole.endIndex
        let path = afterPrefix[..<pathEnd]
        let slash = path.firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
        self.method = method
        self.headers = headers
        // RFC 9110 §14.2: with any other method it is no range.
        if method != .get { self.headers.range = nil }
        channel = ChannelName(String(target[afterPrefix.startIndex..<slash]))
        name = slash == path.endIndex ? "" : String(target[path.index(after: slash)..<pathEnd])
        directives = .none
        isMalformed = false
        token = nil
        region = nil
        guard pathEnd < whole.endIndex, whole[pathEnd] == UInt8(ascii: "?") else { return }
        readQuery(target[whole.index(after: pathEnd)...])
    }

    private mutating func readQuery(_ query: Substring) {
        for pair in query.prefix(while: { $0 != "#" }).split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else { continue }
            let value = pair[pair.index(after: equals)...]
            switch pair[..<equals] {
            // Said twice it may mean one thing here and another to a cache between: no answer that a cache might keep.
            case "_HLS_msn":
                isMalformed = isMalformed || directives.mediaSequence != nil
                directives.mediaSequence = Self.number(value)
                isMalformed = isMalformed || directives.mediaSequence == nil
            case "_HLS_part":
                isMalformed = isMalformed || directives.part != nil
                directives.part = Self.number(value).map { Int(clamping: $0) }
                isMalformed = isMalformed || directives.part == nil
            case "_HLS_skip":
                // Another value asks for nothing we know: the whole playlist is an answer (§6.2.5.1).
                directives.skip = value == "YES" ? .segments : value == "v2" ? .segmentsAndDateRanges : nil
            case "viewer":
                token = value.isEmpty || value.utf8.count > 512 ? nil : String(value)
            case "region": region = region ?? String(value)
            default: break
            }
        }
    }

    /// Decimal digits only.
    private static func number(_ text: Substring) -> Int64? {
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// Each wrapping has its own lists; the files beneath are the same.
    var isOfItsWrapping: Bool {
        switch wrapping {
        case .dash: !name.hasSuffix(".m3u8")
        default: !name.hasSuffix(".mpd")
        }
    }

    /// By its name.
    var kind: DeliveredKind {
        // A manifest is what a viewer begins with and what it asks for again: the token tells the one from the other.
        if name.hasSuffix(".mpd") { return token == nil ? .multivariantPlaylist : .mediaPlaylist }
        if name.hasSuffix(".m3u8") { return name.hasPrefix("index") ? .multivariantPlaylist : .mediaPlaylist }
        if name.hasPrefix("init-") || name.hasPrefix("video-init-") || name.hasPrefix("audio-init-") {
            return .initialization
        }
        return name.hasPrefix("part-") || name.hasPrefix("audio-part-") ? .part : .segment
    }
}

extension Collection<UInt8> {
    /// ASCII letters of either case are the same. `lowercase` is so already, and as long.
    @inline(__always) func isSame(as lowercase: StaticString) -> Bool {
        var index = 0
        for byte in self {
            let lower = (65...90).contains(byte) ? byte | 0x20 : byte
            if lower != lowercase.utf8Start[index] { return false }
            index += 1
        }
        return true
    }
}
