// Writes the descriptors of the Protobuf files that the gateway uses, and of all they import, as one FileDescriptorSet.
// Envoy's Go module carries them compiled in, so neither a Protobuf compiler nor a copy of the sources is needed.
package main

import (
	"log"
	"os"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/health_check/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ratelimit/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_metadata/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/http_inspector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/metadata/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/req_without_query/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/header_formatters/preserve_case/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/random/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/network/dns_resolver/cares/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/downstream_connections/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/resource_monitors/fixed_heap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/http_11_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
)

// Files whose imports are written too. A Go package can hold more files than these.
var roots = []string{
	"envoy/config/bootstrap/v3/bootstrap.proto",
	"envoy/config/cluster/v3/cluster.proto",
	"envoy/config/endpoint/v3/endpoint.proto",
	"envoy/config/listener/v3/listener.proto",
	"envoy/config/route/v3/route.proto",
	"envoy/data/accesslog/v3/accesslog.proto",
	"envoy/extensions/access_loggers/file/v3/file.proto",
	"envoy/extensions/access_loggers/filters/cel/v3/cel.proto",
	"envoy/extensions/access_loggers/grpc/v3/als.proto",
	"envoy/extensions/access_loggers/stream/v3/stream.proto",
	"envoy/extensions/clusters/dns/v3/dns_cluster.proto",
	"envoy/extensions/filters/http/buffer/v3/buffer.proto",
	"envoy/extensions/filters/http/ext_proc/v3/ext_proc.proto",
	"envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto",
	"envoy/extensions/filters/http/health_check/v3/health_check.proto",
	"envoy/extensions/filters/http/lua/v3/lua.proto",
	"envoy/extensions/filters/http/ratelimit/v3/rate_limit.proto",
	"envoy/extensions/filters/http/router/v3/router.proto",
	"envoy/extensions/filters/http/set_metadata/v3/set_metadata.proto",
	"envoy/extensions/filters/http/upstream_codec/v3/upstream_codec.proto",
	"envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto",
	"envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
	"envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
	"envoy/extensions/formatter/metadata/v3/metadata.proto",
	"envoy/extensions/formatter/req_without_query/v3/req_without_query.proto",
	"envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation.proto",
	"envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto",
	"envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto",
	"envoy/extensions/load_balancing_policies/random/v3/random.proto",
	"envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto",
	"envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto",
	"envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.proto",
	"envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto",
	"envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.proto",
	"envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.proto",
	"envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
	"envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto",
	"envoy/extensions/transport_sockets/http_11_proxy/v3/upstream_http_11_connect.proto",
	"envoy/extensions/transport_sockets/quic/v3/quic_transport.proto",
	"envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto",
	"envoy/extensions/transport_sockets/tls/v3/tls.proto",
	"envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
	"envoy/service/accesslog/v3/als.proto",
	"envoy/service/discovery/v3/ads.proto",
	"envoy/service/ext_proc/v3/external_processor.proto",
	"envoy/service/ratelimit/v3/rls.proto",
}

// Files that only define options for validators and documentation; nothing at run time reads those options.
var annotations = []string{"validate/", "udpa/annotations/", "xds/annotations/", "envoy/annotations/"}

func isAnnotation(path string) bool {
	for _, prefix := range annotations {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func main() {
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	for _, root := range roots {
		file, err := protoregistry.GlobalFiles.FindFileByPath(root)
		if err != nil {
			log.Fatalf("%s: %v", root, err)
		}
		add(set, seen, file)
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(bytes); err != nil {
		log.Fatal(err)
	}
}

// Appends a file after everything it imports, which is the order that code generators ask for.
func add(set *descriptorpb.FileDescriptorSet, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		if imported := imports.Get(i); !isAnnotation(imported.Path()) {
			add(set, seen, imported.FileDescriptor)
		}
	}
	described := protodesc.ToFileDescriptorProto(file)
	dropAnnotationImports(described)
	clearExtensions(described.ProtoReflect())
	described.Options = nil
	set.File = append(set.File, described)
}

func dropAnnotationImports(file *descriptorpb.FileDescriptorProto) {
	if len(file.PublicDependency)+len(file.WeakDependency) > 0 {
		log.Fatalf("%s: public and weak imports are not handled", file.GetName())
	}
	kept := file.Dependency[:0]
	for _, path := range file.Dependency {
		if !isAnnotation(path) {
			kept = append(kept, path)
		}
	}
	file.Dependency = kept
}

// Removes every extension of an option, at any depth.
func clearExtensions(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsExtension():
			message.Clear(field)
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				clearExtensions(value.List().Get(i).Message())
			}
		default:
			clearExtensions(value.Message())
			if isEmpty(value.Message()) && strings.HasSuffix(string(field.Message().Name()), "Options") {
				message.Clear(field)
			}
		}
		return true
	})
}

func isEmpty(message protoreflect.Message) bool {
	empty := len(message.GetUnknown()) == 0
	message.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		empty = false
		return false
	})
	return empty
}
