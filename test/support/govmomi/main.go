// A vSphere server for tests: govmomi's simulator of an ESXi host or a vCenter, with a user that has to log in. It prints one line
// of JSON when it listens on a free port of this machine, and ends when its standard input does.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/url"
	"os"
	"time"

	"github.com/vmware/govmomi/simulator"
)

func main() {
	vcenter := flag.Bool("vcenter", false, "a vCenter with several hosts, in place of one ESXi host")
	machines := flag.Int("machines", 2, "VMs of each resource pool")
	idle := flag.Duration("session-idle", time.Hour, "sessions end that are idle for so long")
	user := flag.String("user", "", "who may log in")
	password := flag.String("password", "", "and how")
	certificate := flag.String("certificate", "", "file of the server's certificate")
	key := flag.String("key", "", "file of its key")
	flag.Parse()
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	log.SetOutput(io.Discard)

	simulator.SessionIdleTimeout = *idle
	model := simulator.ESX()
	if *vcenter {
		model = simulator.VPX()
	}
	model.Machine = *machines
	if err := model.Create(); err != nil {
		log.SetOutput(os.Stderr)
		log.Fatal(err)
	}
	defer model.Remove()
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*user, *password)}
	server := model.Service.NewServer()
	defer server.Close()
	address := url.URL{Scheme: server.URL.Scheme, Host: server.URL.Host, Path: server.URL.Path}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"url": address.String()})
	_, _ = io.Copy(io.Discard, os.Stdin)
}
