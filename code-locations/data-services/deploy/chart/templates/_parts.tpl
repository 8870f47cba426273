{{- define "data-services.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{- /* Arguments: the root, and a deployment. */}}
{{- define "data-services.selector" -}}
app.kubernetes.io/name: {{ (index . 1).name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{- define "data-services.labels" -}}
{{ include "data-services.selector" . }}
app.kubernetes.io/component: code-server
app.kubernetes.io/part-of: data-services
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- with (index . 1).labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Arguments: a port, and the times of a probe. Dagster's server answers for this service. */}}
{{- define "data-services.probe" -}}
grpc: {port: {{ index . 0 }}, service: DagsterApi}
{{ omit (index . 1) "enabled" | toYaml }}
{{- end }}

{{- /*
What Dagster's run launcher gives to the pods of runs: settings, secrets by name, folders, limits.
Arguments: the root, and a deployment.
*/}}
{{- define "data-services.runs" -}}
{{- $root := index . 0 }}
{{- $deployment := index . 1 }}
{{- $names := list }}
{{- range $deployment.envSecrets }}{{ $names = append $names .name }}{{ end }}
{{- $maps := list }}
{{- range $deployment.envConfigMaps }}{{ $maps = append $maps .name }}{{ end }}
{{- $pod := dict "enableServiceLinks" false }}
{{- with $deployment.podSecurityContext }}{{ $_ := set $pod "securityContext" . }}{{ end }}
{{- with $deployment.nodeSelector }}{{ $_ := set $pod "nodeSelector" . }}{{ end }}
{{- with $deployment.affinity }}{{ $_ := set $pod "affinity" . }}{{ end }}
{{- with $deployment.tolerations }}{{ $_ := set $pod "tolerations" . }}{{ end }}
{{- dict "k8s" (dict
  "image_pull_policy" ($deployment.image.pullPolicy | default "IfNotPresent")
  "image_pull_secrets" $root.Values.imagePullSecrets
  "env" ($deployment.env | default list)
  "env_config_maps" $maps
  "env_secrets" $names
  "volumes" ($deployment.volumes | default list)
  "volume_mounts" ($deployment.volumeMounts | default list)
  "resources" ($deployment.resources | default dict)
  "security_context" ($deployment.securityContext | default dict)
  "labels" ($deployment.labels | default dict)
  "run_k8s_config" (dict "pod_spec_config" $pod)
) | toJson }}
{{- end }}
