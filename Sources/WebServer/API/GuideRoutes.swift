import Domain
import HTTPTypes
import Hummingbird
import IPTV
import NIOCore

/// The guide beside the list for television applications (`/epg.xml`): who is on air, and who should be when.
struct GuideRoutes: Sendable {
    var listings: any ListingStore
    var queue: any QueueDesk
    var channels: [ChannelName]
    var clock: any WallClock

    /// A guide is looked at now and then, and holds for as long as nobody moves, in seconds.
    private static let maximumAge: Int64 = 10

    var routes: [Route] {
        [Route(.get, "/epg.xml", .anybody) { try await guide($0) }, .preflight("/epg.xml")]
    }

    private func guide(_ request: WebRequest) async throws -> Response {
        let filter: ListFilter
        do throws(ListFilter.Problem) {
            filter = try ListFilter(request)
        } catch {
            throw Problem.badRequest(field: error.field, error.reason)
        }
        let now = clock.now()
        var age = Self.maximumAge
        // As the list: without the database by the channels' names.
        let all = (try? await listings.listings()) ?? [:]
        var guide = XMLTVGuide(channels: [], programmes: [])
        for channel in channels.sorted(by: { $0.text < $1.text }) {
            let listing = (all[channel] ?? ChannelListing()).readable
            // No cache may show a channel beyond its time, or leave it out within.
            if let change = listing.nextListingChange(after: now) { age = min(age, (change - now).components.seconds) }
            guard filter.takes(channel, listing, at: now) else { continue }
            let id = listing.guideID(of: channel)
            guide.channels.append(.init(id: id, name: listing.title ?? channel.text, icon: listing.logo))
            guard let view = try? await queue.view(of: channel) else { continue }
            guide.programmes += Self.programmes(in: view, channel: id, listing)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/xml; charset=utf-8", .cacheControl: "public, max-age=\(age)",
                .accessControlAllowOrigin: "*", .vary: HTTPField.Name.region.rawName,
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: guide.rendered())))
    }

    /// The slot on air and those whose start can be reckoned. A slot ends where its time does, else where the next one starts.
    static func programmes(in view: QueueView, channel: String, _ listing: ChannelListing) -> [XMLTVGuide.Programme] {
        var made: [XMLTVGuide.Programme] = []
        for entry in view.entries {
            let span = entry.state == .onAir ? entry.remainingSeconds : entry.slotSeconds
            let start = entry.state == .onAir ? entry.onAirSince : entry.estimatedStart
            guard let start, made.last.map({ $0.start < start }) ?? true else { continue }
            let from = entry.state == .onAir ? view.at : start
            if let last = made.indices.last, made[last].stop.map({ $0 > start }) ?? true { made[last].stop = start }
            made.append(
                .init(
                    channel: channel, title: entry.name, start: start,
                    stop: span.map { from + .milliseconds(Int64($0 * 1000)) }, description: listing.description,
                    category: listing.group))
        }
        return made
    }
}

extension ChannelListing {
    /// What list and guide call the channel: an application puts the two together by this, so it is the same to the letter.
    func guideID(of channel: ChannelName) -> String {
        let id = M3UList.attribute(guideID ?? "")
        return id.isEmpty ? channel.text : id
    }
}

extension ListFilter {
    init(_ request: WebRequest) throws(Problem) {
        try self.init(
            query: { request.query($0) }, regionHeader: request.head.headerFields[.region],
            isFromTrustedProxy: request.isFromTrustedProxy)
    }

    /// Whether the channel is wanted, and listed now.
    func takes(_ channel: ChannelName, _ listing: ChannelListing, at now: WallTime) -> Bool {
        listing.isListed(at: now)
            && takes(
                name: channel.text, number: listing.number, group: listing.group, regions: listing.regions)
    }
}
