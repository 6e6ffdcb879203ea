# Runs nomad-crashloop-detector in the Nomad that it watches. Nomad gives it an address (secrets/api.sock) and a token
# by its workload identity; where ACLs are on, the identity needs a policy with read-job in all namespaces:
#   nomad acl policy apply -namespace default -job nomad-crashloop-detector crashloop-detector policy.hcl
#   policy.hcl: namespace "*" { capabilities = ["read-job"] } node { policy = "read" }
# With ALERT_LOG_LINES it needs read-logs too.
# What asks for its metrics or its page shows a token, which is a variable of Nomad (1.4 or later):
#   nomad var put nomad/jobs/nomad-crashloop-detector listen_token="$(openssl rand -hex 16)"
job "nomad-crashloop-detector" {
  group "detector" {
    # One only: two would notify every loop twice.
    count = 1

    network {
      port "status" {
        static = 9465
      }
    }

    # So that the state outlives the allocation, as far as it stays on the same node.
    ephemeral_disk {
      sticky  = true
      migrate = true
    }

    service {
      name     = "nomad-crashloop-detector"
      port     = "status"
      provider = "nomad"

      check {
        name     = "alive"
        type     = "http"
        path     = "/livez"
        interval = "10s"
        timeout  = "2s"
        check_restart {
          limit = 3
          grace = "30s"
        }
      }

      check {
        name     = "ready"
        type     = "http"
        path     = "/readyz"
        interval = "10s"
        timeout  = "2s"
      }
    }

    task "detector" {
      driver = "exec"

      artifact {
        # Where you keep the binary of a release.
        source      = "https://artifacts.example.com/nomad-crashloop-detector-linux-x64"
        destination = "local/nomad-crashloop-detector"
        mode        = "file"
      }

      config {
        command = "local/nomad-crashloop-detector"
      }

      identity {
        env = true
      }

      template {
        destination = "secrets/listen_token"
        data        = "{{ with nomadVar \"nomad/jobs/nomad-crashloop-detector\" }}{{ .listen_token }}{{ end }}"
      }

      env {
        SOURCE_TYPE       = "nomad"
        LISTEN            = "0.0.0.0:${NOMAD_PORT_status}"
        LISTEN_TOKEN_FILE = "${NOMAD_SECRETS_DIR}/listen_token"
        STATE             = "sqlite:${NOMAD_ALLOC_DIR}/data/state.db"
        SINK_TYPE         = "stdout"
      }

      # More than SHUTDOWN_TIMEOUT.
      kill_timeout = "15s"

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
