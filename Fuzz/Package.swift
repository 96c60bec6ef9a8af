// swift-tools-version: 6.2
import Foundation
import PackageDescription

// A package of its own, so that sanitizer flags touch nothing else. `Sources/Domain`, `Sources/RTMP`, `Sources/OBSProtocol` and
// `Sources/FuzzRTMP/FuzzTargets.swift` are links that `scripts/fuzz` makes: SwiftPM takes no path outside a package, and a
// link in the repository does not survive every checkout.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let instrumented: [SwiftSetting] = strict + [.unsafeFlags(["-sanitize=fuzzer,address", "-O"])]
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")

let package = Package(
    name: "lineup-fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.101.2")],
    targets: [
        .target(name: "Domain", dependencies: [nioCore], swiftSettings: instrumented),
        .target(name: "OBSProtocol", dependencies: ["Domain", nioCore], swiftSettings: instrumented),
        .target(name: "RTMP", dependencies: ["Domain", nioCore], swiftSettings: instrumented),
        .executableTarget(
            name: "FuzzRTMP", dependencies: ["RTMP", "OBSProtocol", "Domain", nioCore],
            swiftSettings: instrumented,
            // gold, SwiftPM's default here, cannot link the sanitizers.
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ],
    swiftLanguageModes: [.v6]
)
