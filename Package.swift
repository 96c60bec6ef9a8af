// swift-tools-version: 6.2
import PackageDescription

/// Settings every target shares (ARCHITECTURE.md, "Layers").
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdHTTP2: Target.Dependency = .product(name: "HummingbirdHTTP2", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let lifecycleSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

/// A library of ours, with the settings every one shares.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of one target.
func tests(_ name: String, _ dependencies: [Target.Dependency], leavingOut data: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: data, swiftSettings: strict)
}

let package = Package(
    name: "lineup",
    products: [.executable(name: "lineup", targets: ["lineup"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // C: a module map and one shim each, no logic.
        .systemLibrary(
            name: "CFFmpeg",
            pkgConfig: "libavformat libavcodec libavutil",
            providers: [
                .apt([
                    "libavformat-dev", "libavcodec-dev", "libavutil-dev", "libavfilter-dev",
                ])
            ]
        ),
        // Loads libavfilter where it is first used: in workers.
        .target(name: "CFilters", dependencies: ["CFFmpeg"]),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CDelivery", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CMalloc"),
        // Gives back what only a start needs.
        .target(name: "CPages"),

        // Domain: the words everyone shares.
        library("Domain", [nioCore]),

        // Protocols, sans-IO.
        library("RTMP", ["Domain", nioCore]),
        library("HLS", ["Domain", nioCore]),
        library("DASH", ["Domain"]),
        library("IPTV", ["Domain"]),
        library("OBSProtocol", ["Domain", nioCore]),

        // Services.
        library("Queueing", ["Domain", logging, metrics, lifecycle]),
        library("Ingest", ["Domain", nioCore, logging, metrics, lifecycle]),
        library("Broadcast", ["Domain", nioCore, logging, metrics, lifecycle]),
        library("Packaging", ["Domain", "HLS", "DASH", nioCore, logging, metrics]),
        library("Accounts", ["Domain", logging, metrics, lifecycle]),
        library("Audience", ["Domain", logging, metrics, lifecycle]),
        library("Announcements", ["Domain", logging, metrics, lifecycle]),
        library("Stage", ["Domain", "OBSProtocol", logging, metrics, lifecycle]),

        // Adapters: where the outside is.
        library(
            "RTMPTransport",
            ["Domain", "RTMP", nioCore, nioPosix, nioSSL, logging, metrics, coreMetrics, lifecycle]),
        library("PostgresStore", ["Domain", "CLibPQ", logging, metrics, lifecycle]),
        library(
            "FFmpegMedia", ["Domain", "CFFmpeg", "CFilters", nioCore, logging, metrics, lifecycle, subprocess]),
        library("DeliveryMemory", ["Domain", "CDelivery", nioCore]),
        library("Cryptography", ["Domain", "CArgon2", "COpenSSL"]),
        library(
            "WebServer",
            [
                "Domain", "IPTV", nioCore, nioPosix, nioHTTP1, nioWebSocket, nioHTTPTypes, nioHTTPTypesHTTP1, httpTypes,
                hummingbird, hummingbirdCore, hummingbirdHTTP2, nioSSL, logging, metrics, lifecycle,
            ]),
        library("WebhookClient", ["Domain", nioCore, nioPosix, nioHTTP1, nioSSL]),
        library("OBSClient", ["Domain", "OBSProtocol", nioCore, nioPosix, nioHTTP1, nioWebSocket]),
        library("SMTPClient", ["Domain", nioCore, nioPosix, nioSSL, nioTLS, logging]),
        library("PrometheusMetrics", [coreMetrics]),
        library("ControlSocket", [nioCore, nioPosix, logging, lifecycle]),

        // Assembly and executable.
        library(
            "LineupServer",
            [
                "Domain", "RTMP", "HLS", "Queueing", "Ingest", "Broadcast", "Packaging", "Accounts", "Audience",
                "Announcements", "RTMPTransport", "PostgresStore", "FFmpegMedia", "DeliveryMemory", "Cryptography",
                "WebServer", "WebhookClient", "Stage", "OBSProtocol", "OBSClient", "SMTPClient", "PrometheusMetrics",
                "ControlSocket", "CMalloc", "CPages", nioCore,
                nioPosix, logging, metrics, lifecycle, lifecycleSignals, configuration,
            ]),
        .executableTarget(
            name: "lineup", dependencies: ["LineupServer", "Domain", arguments], swiftSettings: strict),

        // Tests.
        library("TestKit", ["Domain", "OBSProtocol", nioCore, logging]),
        // Apart from TestKit, so that only tests of the store link libpq.
        library("PostgresTestKit", ["PostgresStore", "Domain", logging]),
        tests("DomainTests", ["Domain", "TestKit", nioCore]),
        tests(
            "RTMPTests", ["RTMP", "OBSProtocol", "Cryptography", "Domain", "TestKit", "CMalloc", nioCore, nioEmbedded],
            leavingOut: ["Sessions"]),
        tests("DASHTests", ["DASH", "Domain", "TestKit"]),
        tests("HLSTests", ["HLS", "Domain", "TestKit", nioCore]),
        tests("QueueingTests", ["Queueing", "Domain", "TestKit", logging]),
        tests("IngestTests", ["Ingest", "Domain", "TestKit", nioCore, logging]),
        tests("BroadcastTests", ["Broadcast", "Domain", "TestKit", nioCore, nioPosix, nioEmbedded, logging]),
        tests("DeliveryMemoryTests", ["DeliveryMemory", "Domain", "TestKit", nioCore]),
        tests(
            "PackagingTests",
            ["Packaging", "HLS", "FFmpegMedia", "DeliveryMemory", "Domain", "TestKit", nioCore, logging]),
        tests(
            "AccountsTests",
            ["Accounts", "Domain", "TestKit", "PostgresTestKit", "PostgresStore", "Cryptography", logging]),
        tests(
            "AnnouncementsTests",
            [
                "Announcements", "WebhookClient", "PostgresStore", "PostgresTestKit", "Cryptography", "Domain",
                "TestKit", nioCore, nioPosix, logging,
            ]),
        tests(
            "WebhookClientTests",
            ["WebhookClient", "Domain", "TestKit", "PostgresTestKit", nioCore, nioPosix, nioSSL]),
        tests(
            "RTMPTransportTests",
            [
                "RTMPTransport", "RTMP", "Cryptography", "Broadcast", "Ingest", "PrometheusMetrics", "Domain",
                "TestKit", nioCore,
                nioPosix, nioEmbedded, nioSSL, logging,
            ]),
        // A process that the store's tests kill.
        .executableTarget(
            name: "ClusterOwner", dependencies: ["PostgresStore", logging], path: "Tests/ClusterOwner",
            swiftSettings: strict),
        tests(
            "PostgresStoreTests",
            [
                "PostgresStore", "PostgresTestKit", "ClusterOwner", "Cryptography", "Domain", "TestKit", logging,
                lifecycle,
            ]),
        // A decode worker without the rest of the server.
        .executableTarget(
            name: "DecodeChild", dependencies: ["FFmpegMedia"], path: "Tests/DecodeChild", swiftSettings: strict),
        tests(
            "FFmpegMediaTests",
            [
                "FFmpegMedia", "DecodeChild", "Packaging", "RTMP", "Domain", "TestKit", nioCore, logging, subprocess,
            ]),
        tests("IPTVTests", ["IPTV", "Domain", "TestKit"]),
        tests("OBSProtocolTests", ["OBSProtocol", "Cryptography", "Domain", "TestKit", nioCore]),
        tests(
            "OBSClientTests",
            [
                "OBSClient", "OBSProtocol", "Cryptography", "Domain", "TestKit", nioCore, nioPosix, nioHTTP1,
                nioWebSocket,
            ]),
        tests(
            "StageTests",
            [
                "Stage", "OBSProtocol", "PostgresStore", "PostgresTestKit", "Cryptography", "Domain", "TestKit",
                logging,
                lifecycle,
            ]),
        tests("AudienceTests", ["Audience", "Cryptography", "Domain", "TestKit", logging, lifecycle]),
        tests("SMTPClientTests", ["SMTPClient", "Domain", "TestKit", nioCore, nioPosix, nioEmbedded, logging]),
        tests("CryptographyTests", ["Cryptography", "Domain", "TestKit"]),
        tests(
            "WebServerTests",
            [
                "WebServer", "IPTV", "PrometheusMetrics", "Domain", "TestKit", nioCore, nioEmbedded, nioHTTP1,
                nioPosix, nioWebSocket,
                httpTypes,
                logging, lifecycle,
            ]),
        tests("PrometheusMetricsTests", ["PrometheusMetrics", coreMetrics]),
        tests("ControlSocketTests", ["ControlSocket", nioCore, nioPosix, logging, lifecycle]),
        tests(
            "LineupServerTests",
            [
                "LineupServer", "ControlSocket", "Cryptography", "Packaging", "PostgresStore", "RTMPTransport", "HLS",
                "Domain",
                "TestKit",
                logging,
                configuration,
            ]),
    ],
    swiftLanguageModes: [.v6]
)
