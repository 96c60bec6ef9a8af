import HTTPTypes

/// What proxies say of a request: in `X-Forwarded-…`, or in `Forwarded` (RFC 7239). Of what each of them added, in order, with
/// commas between. Whether to believe it is for `TrustedProxies` to say.
struct ForwardedWords: Equatable {
    var addresses: String?
    var scheme: String?
    var host: String?
    var port: String?

    /// A proxy that writes `X-Forwarded-For` may let a client's own `Forwarded` through: beside the one the other is not looked at.
    init(_ fields: HTTPFields) {
        guard let forwarded = fields[.forwarded], fields[.forwardedFor] == nil else {
            addresses = fields[.forwardedFor]
            scheme = fields[.forwardedProto]
            host = fields[.forwardedHost]
            port = fields[.forwardedPort]
            return
        }
        addresses = Self.values(of: "for", in: forwarded)
        scheme = Self.values(of: "proto", in: forwarded)
        host = Self.values(of: "host", in: forwarded)
    }

    /// The values of one parameter, without quotes, as `X-Forwarded-…` would have them; `nil`: nobody says.
    ///
    /// Split at every comma, quoted or not: nothing that is a value here has one, and a quote that a client leaves open must not
    /// swallow what the proxies behind it say.
    static func values(of parameter: String, in field: String) -> String? {
        let values = field.split(separator: ",").flatMap { $0.split(separator: ";") }.compactMap { pair -> String? in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].filter({ $0 != " " && $0 != "\t" }).lowercased() == parameter else {
                return nil
            }
            return parts[1].filter { $0 != "\"" && $0 != " " && $0 != "\t" }
        }
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// What the outermost proxy says.
    static func first(_ words: String?) -> String? {
        words?.split(separator: ",").first.map { $0.filter { $0 != " " } }
    }
}
