// SPDX-License-Identifier: Apache-2.0
/* The list of kinds. */
#include "config/kinds.h"

#define NETWORKING "networking.istio.io"
#define SECURITY   "security.istio.io"
#define LEGACY	   "config.istio.io"
#define RBAC	   "rbac.istio.io"
#define ALL	   "v1alpha3 v1beta1 v1"

static const char not_yet[] = "this kind is not enforced by this version of weft: it has no effect";
static const char envoy_only[] = "this kind configures Envoy itself, which weft does not run: it "
				 "has no effect";

const struct kind_def kind_defs[] = {
	{ "Namespace", "", "v1", KIND_NAMESPACE, &namespace_root, NULL, true, NULL },
	{ "Service", "", "v1", KIND_SERVICE, &service_root, validate_service, false, NULL },
	{ "Pod", "", "v1", KIND_POD, &pod_root, validate_pod, false, NULL },
	{ "Endpoints", "", "v1", KIND_ENDPOINTS, &endpoints_root, validate_endpoints, false, NULL },
	{ "EndpointSlice", "discovery.k8s.io", "v1beta1 v1", KIND_ENDPOINT_SLICE,
	  &endpoint_slice_root, validate_endpoints, false, NULL },
	{ "VirtualService", NETWORKING, ALL, KIND_VIRTUAL_SERVICE, &virtual_service_root,
	  validate_virtual_service, false, NULL },
	{ "DestinationRule", NETWORKING, ALL, KIND_DESTINATION_RULE, &destination_rule_root,
	  validate_destination_rule, false, NULL },
	{ "ServiceEntry", NETWORKING, ALL, KIND_SERVICE_ENTRY, &service_entry_root,
	  validate_service_entry, false, NULL },
	{ "Gateway", NETWORKING, ALL, KIND_GATEWAY, &gateway_root, validate_gateway, false, NULL },
	{ "PeerAuthentication", SECURITY, "v1beta1 v1", KIND_PEER_AUTHENTICATION,
	  &peer_authentication_root, validate_peer_authentication, false, NULL },
	{ "RouteRule", LEGACY, "v1alpha2", KIND_ROUTE_RULE, &route_rule_root, validate_route_rule,
	  false, NULL },
	{ "Policy", "authentication.istio.io", "v1alpha1", KIND_POLICY, &policy_root,
	  validate_policy, false, NULL },
	{ "MeshPolicy", "authentication.istio.io", "v1alpha1", KIND_POLICY, &policy_root,
	  validate_policy, true, NULL },
	{ "WorkloadEntry", NETWORKING, ALL, KIND_OTHER, &workload_entry_root,
	  validate_workload_entry, false, not_yet },

	{ "WorkloadGroup", NETWORKING, ALL, KIND_OTHER, NULL, NULL, false, not_yet },
	{ "Sidecar", NETWORKING, ALL, KIND_OTHER, NULL, NULL, false, not_yet },
	{ "ProxyConfig", NETWORKING, "v1beta1", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "EnvoyFilter", NETWORKING, "v1alpha3", KIND_OTHER, NULL, NULL, false, envoy_only },
	{ "WasmPlugin", "extensions.istio.io", "v1alpha1", KIND_OTHER, NULL, NULL, false,
	  envoy_only },
	{ "TrafficExtension", "extensions.istio.io", "v1alpha1", KIND_OTHER, NULL, NULL, false,
	  envoy_only },
	{ "RequestAuthentication", SECURITY, "v1beta1 v1", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "AuthorizationPolicy", SECURITY, "v1beta1 v1", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "Telemetry", "telemetry.istio.io", "v1alpha1 v1", KIND_OTHER, NULL, NULL, false,
	  not_yet },
	{ "DestinationPolicy", LEGACY, "v1alpha2", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "EgressRule", LEGACY, "v1alpha2", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "ServiceRole", RBAC, "v1alpha1", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "ServiceRoleBinding", RBAC, "v1alpha1", KIND_OTHER, NULL, NULL, false, not_yet },
	{ "RbacConfig", RBAC, "v1alpha1", KIND_OTHER, NULL, NULL, true, not_yet },
	{ "ClusterRbacConfig", RBAC, "v1alpha1", KIND_OTHER, NULL, NULL, true, not_yet },
	{ 0 },
};
