/// Tells a write of our own pages from one that another site made a browser send. Pure.
///
/// Browsers set `Sec-Fetch-Site` and `Origin` themselves and no page can forge them; a client that sends neither is no
/// browser, and carries no cookie it did not mean to. `Host` names the site the browser believes to talk to, so an `Origin` of
/// the same host is ours, whatever proxy stands between.
struct CrossSiteGuard {
    /// Set when the operator told us the public URL.
    var publicOrigin: PublicOrigin?

    func isSameSite(fetchSite: String?, origin: String?, host: String?) -> Bool {
        if let fetchSite, fetchSite != "same-origin" { return false }
        guard let origin else { return true }
        guard let claimed = PublicOrigin(origin) else { return false }
        if claimed == publicOrigin { return true }
        guard let host, let authority = Authority(host) else { return false }
        let defaultPort = claimed.isSecure ? 443 : 80
        return claimed.host == authority.host && (claimed.port ?? defaultPort) == (authority.port ?? defaultPort)
    }
}

/// Compares in a time that depends on the lengths only.
func isEqualInConstantTime(_ left: String, _ right: String) -> Bool {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(left, right) { difference |= one ^ other }
    return difference == 0
}
