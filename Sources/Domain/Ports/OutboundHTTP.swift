/// A request to somebody else's server. Its URL and header values may be secrets: neither is ever written into a log or error.
package struct OutboundRequest: Sendable {
    package enum Method: String, Sendable { case get = "GET", post = "POST", patch = "PATCH" }

    package var method: Method
    package var url: Secret
    package var headers: [TargetHeader]
    package var body: [UInt8]
    /// For all of it: finding the name, connecting, sending, and the whole answer.
    package var timeout: Duration

    package init(method: Method, url: Secret, headers: [TargetHeader] = [], body: [UInt8], timeout: Duration) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }
}

package struct OutboundAnswer: Sendable, Equatable {
    package var status: Int
    /// By lower-cased name; the first of several.
    package var headers: [String: String]
    /// Its beginning: what is longer than `OutboundLimits.answerBytes` is not read.
    package var body: [UInt8]

    package init(status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

package enum OutboundLimits {
    package static let answerBytes = 16 * 1024
    /// Of an answer's head.
    package static let headBytes = 32 * 1024
}

/// Why there was no answer. The texts name no address, host or URL.
package enum OutboundError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidURL
    /// The name leads to an address of a private network, and nothing allows that.
    case addressNotAllowed
    case unknownName
    case unreachable
    case timedOut
    case tls
    case brokenAnswer
    /// Our own: too many at once, or the server is going down.
    case busy

    package var description: String {
        switch self {
        case .invalidURL: "the URL cannot be used: it must be http:// or https:// with a host"
        case .addressNotAllowed:
            "the address is in a private network: name its network in LINEUP_TARGETS_ALLOW_NETWORKS to allow that"
        case .unknownName: "the host's name cannot be found"
        case .unreachable: "nobody answers there"
        case .timedOut: "no answer in time"
        case .tls: "no safe connection: its certificate does not hold, or TLS failed"
        case .brokenAnswer: "the answer is no HTTP, or was cut short"
        case .busy: "too many requests at once"
        }
    }
}

/// Sends HTTP requests; implemented by `WebhookClient`. Follows no redirect, keeps no cookie, and connects to no address that it
/// has not checked.
package protocol OutboundHTTP: Sendable {
    func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundAnswer
    /// Scheme, host and port, which may be seen.
    /// - Throws: `.invalidURL`; `.addressNotAllowed` where the URL itself holds such an address.
    func place(of url: Secret) throws(OutboundError) -> String
}

/// Appends lines to files of events; implemented by `WebhookClient`.
package protocol LineFiles: Sendable {
    /// Returns once the lines are on the disk. A file that grew beyond its bound is moved to `NAME.1` before, and so on.
    /// - Parameter lines: each without its line break.
    /// - Throws: one sentence for the operator.
    func append(_ lines: [[UInt8]], to file: String) async throws(LineFileError)
}

package struct LineFileError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
