{{- define "landform.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.tag }}:{{ . }}{{ end }}
{{- end }}

{{- define "landform.labels" -}}
app.kubernetes.io/name: landform
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Environment of every program; keys are files. */}}
{{- define "landform.environment" -}}
- name: LANDFORM_HOME
  value: /var/lib/landform
{{- if .Values.state.existingClaim }}
- name: LANDFORM_STATE_ROOT
  value: /srv/landform-state
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "landform.keys" -}}
- name: CREDENTIALS_DIRECTORY
  value: /run/landform-keys
{{- end }}

{{- define "landform.places" -}}
- name: home
  mountPath: /var/lib/landform
{{- if .Values.state.existingClaim }}
- name: state
  mountPath: /srv/landform-state
{{- end }}
- name: tmp
  mountPath: /tmp
{{- end }}

{{- define "landform.keyPlace" -}}
- name: keys
  mountPath: /run/landform-keys
  readOnly: true
{{- end }}

{{- define "landform.volumes" -}}
{{- with .Values.state.existingClaim }}
- name: state
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end }}
- name: secret
  secret:
    secretName: {{ .Values.secretName }}
    defaultMode: 0400
- name: keys
  emptyDir:
    medium: Memory
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 256Mi
{{- end }}

{{/* Web and preparation: the user landform, no capability. */}}
{{- define "landform.plain" -}}
runAsUser: 10001
runAsGroup: 10001
runAsNonRoot: true
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end }}

{{/* What starts Terraform: root until setpriv has become landform, with the seven capabilities that it keeps. */}}
{{- define "landform.terraform" -}}
runAsUser: 0
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  add: [CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, SYS_PTRACE]
{{- end }}

{{- define "landform.setpriv" -}}
- setpriv
- --reuid=landform
- --regid=landform
- --init-groups
- --inh-caps=+chown,+dac_override,+fowner,+kill,+setgid,+setuid,+sys_ptrace
- --ambient-caps=+chown,+dac_override,+fowner,+kill,+setgid,+setuid,+sys_ptrace
- --
{{- end }}

{{/* Before each pod: the keys for landform alone, its folders, the database. */}}
{{- define "landform.before" -}}
- name: keys
  image: {{ include "landform.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -ec]
  args:
    - |
      install -o 10001 -g 10001 -m 0400 /run/landform-secret/landform_* /run/landform-keys/
      chown 10001:10001 /run/landform-keys && chmod 0700 /run/landform-keys
      chown 10001:10002 /var/lib/landform && chmod 0710 /var/lib/landform
      {{- if .Values.state.existingClaim }}
      test "$(stat -c %u /srv/landform-state)" = 10001 || { chown 10001:10001 /srv/landform-state; chmod 0700 /srv/landform-state; }
      {{- end }}
  securityContext:
    runAsUser: 0
    readOnlyRootFilesystem: true
    allowPrivilegeEscalation: false
    capabilities:
      drop: [ALL]
      add: [CHOWN, DAC_OVERRIDE, FOWNER]
  volumeMounts:
    - name: secret
      mountPath: /run/landform-secret
      readOnly: true
    - name: keys
      mountPath: /run/landform-keys
    - name: home
      mountPath: /var/lib/landform
    {{- if .Values.state.existingClaim }}
    - name: state
      mountPath: /srv/landform-state
    {{- end }}
- name: prepare
  image: {{ include "landform.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  # What it prints would stay in the log.
  command: [sh, -c, exec python -m workers.prepare > /dev/null]
  env:
    {{- include "landform.environment" . | nindent 4 }}
    {{- include "landform.keys" . | nindent 4 }}
  securityContext:
    {{- include "landform.plain" . | nindent 4 }}
  volumeMounts:
    {{- include "landform.places" . | nindent 4 }}
    {{- include "landform.keyPlace" . | nindent 4 }}
{{- end }}
