import Domain
import HTTPTypes
import Hummingbird
import IPTV
import NIOCore

/// The list for television applications (`/playlist.m3u`), and how a channel stands in it.
struct ListRoutes: Sendable {
    var listings: any ListingStore
    var viewers: any ViewerDesk
    var queue: any QueueDesk
    var audit: any AuditLog
    var outputs: OutputSwitches
    var channels: [ChannelName]
    var publicOrigin: PublicOrigin?
    var clock: any WallClock

    /// How long an address in a list works where the channel needs a token.
    static let tokenSpan: Duration = .seconds(24 * 3600)
    static let path = "/api/v1/channels/{channel}/listing"

    private static let webAddress = Schema.pattern("^https?://[^/?#]")
    private static let schema = Schema.named(
        "ChannelListing",
        .object(
            .optional("title", .text(1...200)), .optional("guideID", .text(1...200)), .optional("logo", webAddress),
            .optional("group", .text(1...100)), .optional("number", .integer(1...9999)),
            .optional("description", .text(1...2000)), .optional("programmeFeed", webAddress),
            .optional("allowedRegions", .array(.string)), .optional("blockedRegions", .array(.string)),
            .optional("listedFrom", .note(.time, "In lists and guide from here on.")),
            .optional("listedUntil", .note(.time, "And no more from here on; later than `listedFrom`."))))

    private struct PlayLink: Encodable {
        var token: String
        var expiresAt: WallTime
        var playlist: String
        var watch: String
    }

    var routes: [Route] {
        [
            Route(.get, "/playlist.m3u", .anybodyKnown) { try await list($0) },
            .preflight("/playlist.m3u"),
            Route(
                .get, Self.path, .anybodyKnown,
                Operation("Tells how the channel stands in lists", .delivery, answers: [.ok(Self.schema)])
            ) { request in
                let channel = try known(request)
                let all = try await stored { try await listings.listings() }
                return JSONAnswer.response(all[channel] ?? ChannelListing())
            },
            Route(
                .put, Self.path, .atLeast(.operator),
                Operation(
                    "Sets how the channel stands in lists", .delivery,
                    details: "What is left out is taken away; an unknown field is refused.",
                    body: Self.schema, answers: [.ok(Self.schema)])
            ) { try await set($0) },
            Route(
                .get, "/api/v1/channels/{channel}/play-token", .atLeast(.viewer),
                Operation(
                    "Makes addresses for who has no account", .delivery,
                    details: "They let in to this channel, as a viewer only, for 24 hours.",
                    answers: [
                        .ok(
                            .object(
                                .required("token", .secret), .required("expiresAt", .time),
                                .required("playlist", .note(.string, "A list for television applications.")),
                                .required("watch", .note(.string, "The watch page."))))
                    ])
            ) { request in
                let channel = try known(request)
                let token = viewers.playToken(for: channel, lasting: Self.tokenSpan)
                let (origin, query) = (origin(of: request), "?\(DeliveryRequest.tokenParameter)=\(token)")
                return JSONAnswer.response(
                    PlayLink(
                        token: token, expiresAt: clock.now() + Self.tokenSpan,
                        playlist: "\(origin)/playlist.m3u\(query)", watch: "\(origin)/watch/\(channel)\(query)"))
            },
        ]
    }

    private func known(_ request: WebRequest) throws(Problem) -> ChannelName {
        let channel = try request.channel()
        guard channels.contains(channel) else { throw .notFound("There is no such channel.") }
        return channel
    }

    // MARK: The list

    private func list(_ request: WebRequest) async throws -> Response {
        let filter: ListFilter
        do throws(ListFilter.Problem) {
            filter = try ListFilter(request)
        } catch {
            throw Problem.badRequest(field: error.field, error.reason)
        }
        let now = clock.now()
        let shown = request.query(DeliveryRequest.tokenParameter)
        // The broadcast goes on without the database, and so does the list: by the channels' names.
        let all = (try? await listings.listings()) ?? [:]
        var entries: [M3UList.Entry] = []
        for channel in channels.sorted(by: { $0.text < $1.text }) {
            let listing = (all[channel] ?? ChannelListing()).readable
            guard filter.takes(channel, listing, at: now) else { continue }
            let credential = try credential(for: channel, request, shown: shown)
            let next = await next(on: channel, listing)
            entries += self.entries(
                channel, listing, next: next, origin: origin(of: request), credential: credential, filter)
        }
        // An application matches channels by their id: only what a region hides must be asked for.
        let guide = "\(origin(of: request))/epg.xml" + (filter.region.map { "?\(Region.parameter)=\($0)" } ?? "")
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/vnd.apple.mpegurl", .cacheControl: "no-store",
                .accessControlAllowOrigin: "*",
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: M3UList(entries, guide: guide).rendered())))
    }

    /// What the addresses carry where a channel needs it: the token that was shown, so that a list asked for again is the same, or
    /// a new one for who is signed in. Never anything that lets in anywhere else.
    private func credential(
        for channel: ChannelName, _ request: WebRequest, shown: String?
    ) throws(Problem) -> String? {
        guard viewers.needsToken else { return nil }
        if let shown, viewers.isPlayToken(shown, for: channel) { return shown }
        guard request.caller != nil else { throw .signInFirst }
        return viewers.playToken(for: channel, lasting: Self.tokenSpan)
    }

    private func entries(
        _ channel: ChannelName, _ listing: ChannelListing, next: M3UList.Next?, origin: String, credential: String?,
        _ filter: ListFilter
    ) -> [M3UList.Entry] {
        // The region only where nothing would play without it.
        let region = listing.regions.admits(nil) ? nil : filter.region
        let fields = [
            credential.map { "\(DeliveryRequest.tokenParameter)=\($0)" }, region.map { "\(Region.parameter)=\($0)" },
        ].compactMap { $0 }
        let query = fields.isEmpty ? "" : "?" + fields.joined(separator: "&")
        let title = listing.title ?? channel.text
        var entry = M3UList.Entry(title: title, address: "\(origin)/hls/\(channel)/index.m3u8\(query)")
        entry.guideID = listing.guideID(of: channel)
        entry.guideName = title
        entry.logo = listing.logo
        entry.group = listing.group
        entry.number = listing.number
        entry.next = next
        entry.programmeFeed = listing.programmeFeed
        entry.description = listing.description
        entry.allowedRegions = listing.allowedRegions ?? []
        entry.blockedRegions = listing.blockedRegions ?? []
        var (stream, sound) = (entry, entry)
        stream.variant = "MPEG-TS"
        stream.address = "\(origin)/stream/\(channel)\(query)"
        sound.variant = "Audio"
        sound.address = "\(origin)/audio/\(channel)\(query)"
        let ways: [(ViewerProtocol, M3UList.Entry)] = [(.hls, entry), (.transportStream, stream), (.audio, sound)]
        let offered = ways.filter { outputs.isOn($0.0, of: channel) }.map(\.1)
        guard !filter.showsVariants, var only = offered.first else { return offered }
        // What is left is the channel, in whatever way it is on.
        only.variant = nil
        return [only]
    }

    /// The first who waits, with when their turn should come; described as the guide describes every turn, by the channel.
    private func next(on channel: ChannelName, _ listing: ChannelListing) async -> M3UList.Next? {
        guard let view = try? await queue.view(of: channel),
            let entry = view.entries.first(where: { $0.state == .waiting })
        else { return nil }
        return M3UList.Next(
            title: entry.name, start: entry.estimatedStart?.description, description: listing.description)
    }

    /// The operator's public address, else the one this request came by, as a trusted proxy tells it.
    private func origin(of request: WebRequest) -> String {
        if let publicOrigin { return publicOrigin.description }
        let authority =
            request.forwardedHost.flatMap { Authority($0) } ?? request.head.authority.flatMap { Authority($0) }
        guard var authority else { return "http://localhost" }
        if authority.port == nil, let port = request.forwardedPort.flatMap({ Int($0) }), (1...65_535).contains(port) {
            authority.port = port
        }
        // The scheme's own port is not written.
        return PublicOrigin(isSecure: request.isSecure, authority).description
    }

    // MARK: Setting

    private func set(_ request: WebRequest) async throws -> Response {
        let channel = try known(request)
        // A misspelt name would take away what it meant to set.
        let known = Self.schema.fieldNames
        if let unknown = try request.json([String: JSONValue].self).keys.filter({ !known.contains($0) }).min() {
            throw Problem.invalid(field: unknown, "There is no such field.")
        }
        let listing = try request.json(ChannelListing.self)
        try listing.check()
        guard let before = try await stored({ try await listings.setListing(listing, of: channel) }) else {
            throw Problem.notFound("There is no such channel.")
        }
        let actor = try request.actor()
        try await stored {
            try await audit.append(
                AuditRecord(
                    at: clock.now(), actor: actor, action: "channel.listing", channel: channel, subject: nil,
                    before: JSONAnswer.data(before).map { String(buffer: $0) },
                    after: JSONAnswer.data(listing).map { String(buffer: $0) }))
        }
        return JSONAnswer.response(listing)
    }
}
