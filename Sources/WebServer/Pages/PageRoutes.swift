import Domain
import HTTPTypes
import Hummingbird

/// The pages under the names people see. Everything else of `web/` is served under its own path.
struct PageRoutes: Sendable {
    var pages: PageStore
    var channels: [ChannelName]

    /// The overlays for OBS browser sources, and the file of each.
    private static let overlays = [
        "queue": "/queue-list.html", "timer": "/timer-page.html", "now": "/overlay-now.html",
        "next": "/overlay-next.html",
    ]

    var routes: [Route] {
        [
            Route(.get, "/") { try answer("/index.html", to: $0) },
            Route(.get, "/dj") { try answer("/dj.html", to: $0) },
            Route(.get, "/account") { try answer("/account.html", to: $0) },
            Route(.get, "/admin") { try answer("/admin.html", to: $0) },
            Route(.get, "/watch/{channel}") { try player("/watch.html", to: $0) },
            Route(.get, "/embed/{channel}") {
                try player("/embed.html", to: $0, policy: Page.embedSecurityPolicy)
            },
            Route(.get, "/overlay/{kind}") { request in
                guard let name = request.parameters["kind"].flatMap({ Self.overlays[$0] }) else {
                    throw Problem.notFound("The overlays are queue, timer, now and next.")
                }
                return try answer(name, to: request, policy: Page.overlaySecurityPolicy)
            },
        ]
    }

    private func player(
        _ name: String, to request: WebRequest, policy: String = Page.contentSecurityPolicy
    ) throws(Problem) -> Response {
        // What is no name of a channel is no channel either.
        guard let channel = try? request.channel(), channels.contains(channel) else {
            return try pages.missing(
                .notFound("There is no such channel."), for: request.head.headerFields, policy: policy)
        }
        return try answer(name, to: request, policy: policy)
    }

    private func answer(
        _ name: String, to request: WebRequest, policy: String = Page.contentSecurityPolicy
    ) throws(Problem) -> Response {
        guard let page = pages.page(at: name) else { throw .notFound() }
        return page.response(to: request.head.headerFields, policy: policy)
    }
}
