import HTTPTypes

extension HTTPField.Name {
    /// Our pages send the session's token in it on each write.
    static let csrfToken = header("X-CSRF-Token")
    /// Fetch metadata (W3C), set by browsers only.
    static let fetchSite = header("Sec-Fetch-Site")
    static let contentTypeOptions = header("X-Content-Type-Options")
    static let referrerPolicy = header("Referrer-Policy")
    /// WHATWG HTML §9.2.4: the last event a reader that comes back has got.
    static let lastEventID = header("Last-Event-ID")
    /// What reverse proxies say of a client; counts from trusted ones only (`TrustedProxies`).
    static let forwarded = header("Forwarded")
    static let forwardedFor = header("X-Forwarded-For")
    static let forwardedProto = header("X-Forwarded-Proto")
    static let forwardedHost = header("X-Forwarded-Host")
    static let forwardedPort = header("X-Forwarded-Port")
    /// Set by a proxy that knows which country a request comes from (two letters). From a trusted one it stands; from anybody
    /// else it is no more than the query `region=`, which anybody may write (`Region.read`).
    static let region = header("X-Region")
    static let link = header("Link")
    static let accelBuffering = header("X-Accel-Buffering")

    private static func header(_ name: String) -> HTTPField.Name {
        guard let made = HTTPField.Name(name) else { preconditionFailure("not a header name") }
        return made
    }
}

/// The keys of this target's log metadata.
enum LogKey {
    static let route = "route"
    static let method = "method"
    static let status = "status"
    static let milliseconds = "milliseconds"
    static let address = "address"
    static let error = "error"
    static let port = "port"
}
