// Go's client against the ensemble: its interface, its lock among several sessions, and both across the death of a
// leader. Arguments: servers, scenario.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
)

const patience = 20 * time.Second

var (
	servers []string
	open    = zk.WorldACL(zk.PermAll)
	stage   = bufio.NewReader(os.Stdin)
)

func main() {
	servers = strings.Split(os.Args[1], ",")
	switch os.Args[2] {
	case "interface":
		nodes()
		watches()
		transactions()
		access()
	case "four-letter-words":
		fourLetterWords()
	case "lock":
		law("Lock: three sessions count under it, one inside at a time", func() { count("/lock-calm", 10, false) })
		law("Lock: so they do while the leader is killed", func() { count("/lock-killed", 20, true) })
	case "failover":
		failover()
	default:
		panic(os.Args[2])
	}
	fmt.Println("end")
}

func law(name string, body func()) {
	defer func() {
		if trouble := recover(); trouble != nil {
			fmt.Printf("failed %s\t%v\n", name, trouble)
			return
		}
		fmt.Println("ok " + name)
	}()
	body()
}

func that(claim bool, format string, values ...any) {
	if !claim {
		panic(fmt.Sprintf(format, values...))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func rejected(expected error, err error) {
	that(errors.Is(err, expected), "expected %v, got %v", expected, err)
}

func eventually(meaning string, claim func() bool) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if claim() {
			return
		}
	}
	panic("never came true: " + meaning)
}

func wish(what string) {
	fmt.Println("please " + what)
	answer, err := stage.ReadString('\n')
	must(err)
	that(answer == "done\n", "the stage answered %q", answer)
}

type silence struct{}

func (silence) Printf(string, ...any) {}

func connect() *zk.Conn {
	conn, events, err := zk.Connect(servers, 6*time.Second, zk.WithLogger(silence{}))
	must(err)
	timeout := time.After(patience)
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				go func() {
					for range events { // the channel must be drained for as long as the connection lives
					}
				}()
				return conn
			}
		case <-timeout:
			panic("does not connect")
		}
	}
}

// again repeats an operation that may be repeated, for as long as the connection is being found anew.
func again(operation func() error) error {
	for {
		err := operation()
		if !errors.Is(err, zk.ErrConnectionClosed) && !errors.Is(err, zk.ErrNoServer) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func nodes() {
	law("create, read, write and delete answer with the right data, versions and errors", func() {
		conn := connect()
		defer conn.Close()
		path, err := conn.Create("/go", []byte("one"), 0, open)
		must(err)
		that(path == "/go", "path %s", path)
		_, err = conn.Create("/go", nil, 0, open)
		rejected(zk.ErrNodeExists, err)
		_, err = conn.Create("/none/child", nil, 0, open)
		rejected(zk.ErrNoNode, err)
		stat, err := conn.Set("/go", []byte("two"), 0)
		must(err)
		that(stat.Version == 1, "version %d", stat.Version)
		_, err = conn.Set("/go", nil, 0)
		rejected(zk.ErrBadVersion, err)
		data, stat, err := conn.Get("/go")
		must(err)
		that(bytes.Equal(data, []byte("two")) && stat.DataLength == 3, "data %q", data)
		first, err := conn.Create("/go/n-", nil, zk.FlagSequence, open)
		must(err)
		must(conn.Delete(first, -1))
		second, err := conn.CreateProtectedEphemeralSequential("/go/n-", nil, open)
		must(err)
		that(strings.HasSuffix(second, "n-0000000001"), "sequential %s", second)
		rejected(zk.ErrNotEmpty, conn.Delete("/go", -1))
		children, stat, err := conn.Children("/go")
		must(err)
		that(len(children) == 1 && stat.NumChildren == 1, "children %v", children)
		must(conn.Delete(second, -1))
		_, err = conn.CreateContainer("/go/container", nil, zk.FlagContainer, open)
		must(err)
		_, err = conn.CreateTTL("/go/ttl", nil, zk.FlagTTL, open, 300*time.Millisecond)
		must(err)
		eventually("the node with a time to live is gone", func() bool {
			there, _, err := conn.Exists("/go/ttl")
			return err == nil && !there
		})
		synced, err := conn.Sync("/go")
		must(err)
		that(synced == "/go", "synced %s", synced)
		must(conn.Delete("/go/container", -1))
		must(conn.Delete("/go", -1))
		there, _, err := conn.Exists("/go")
		must(err)
		that(!there, "it is deleted")
	})
}

func next(events <-chan zk.Event, kind zk.EventType, path string) {
	select {
	case event := <-events:
		that(event.Type == kind && event.Path == path, "expected %v on %s, got %v on %s", kind, path, event.Type, event.Path)
	case <-time.After(patience):
		panic(fmt.Sprintf("no event %v on %s", kind, path))
	}
}

func watches() {
	law("watches of existence, data and children fire once each", func() {
		conn := connect()
		defer conn.Close()
		there, _, created, err := conn.ExistsW("/watched")
		must(err)
		that(!there, "not there yet")
		_, err = conn.Create("/watched", nil, 0, open)
		must(err)
		next(created, zk.EventNodeCreated, "/watched")
		_, _, changed, err := conn.GetW("/watched")
		must(err)
		_, _, children, err := conn.ChildrenW("/watched")
		must(err)
		_, err = conn.Set("/watched", []byte("x"), -1)
		must(err)
		next(changed, zk.EventNodeDataChanged, "/watched")
		_, err = conn.Create("/watched/child", nil, zk.FlagEphemeral, open)
		must(err)
		next(children, zk.EventNodeChildrenChanged, "/watched")
		must(conn.Delete("/watched/child", -1))
		_, _, deleted, err := conn.GetW("/watched")
		must(err)
		must(conn.Delete("/watched", -1))
		next(deleted, zk.EventNodeDeleted, "/watched")
	})
}

func transactions() {
	law("a multi is all or nothing", func() {
		conn := connect()
		defer conn.Close()
		results, err := conn.Multi(
			&zk.CreateRequest{Path: "/multi", Data: []byte("1"), Acl: open},
			&zk.SetDataRequest{Path: "/multi", Data: []byte("2"), Version: 0},
			&zk.CheckVersionRequest{Path: "/multi", Version: 1},
		)
		must(err)
		that(len(results) == 3 && results[0].String == "/multi" && results[1].Stat.Version == 1, "results %v", results)
		results, err = conn.Multi(
			&zk.DeleteRequest{Path: "/multi", Version: 9},
			&zk.SetDataRequest{Path: "/multi", Data: []byte("3"), Version: -1},
		)
		rejected(zk.ErrBadVersion, err)
		that(errors.Is(results[0].Error, zk.ErrBadVersion), "first result %v", results[0].Error)
		data, _, err := conn.Get("/multi")
		must(err)
		that(string(data) == "2", "nothing of the failed one remains, but %q", data)
	})
}

// caughtUp waits until the member of this connection knows what other members' clients have done.
func caughtUp(conn *zk.Conn) {
	_, err := conn.Sync("/")
	must(err)
}

func access() {
	law("digest ACLs keep strangers out and let the owner in", func() {
		owner, stranger := connect(), connect()
		defer owner.Close()
		defer stranger.Close()
		must(owner.AddAuth("digest", []byte("ana:secret")))
		_, err := owner.Create("/private", []byte("mine"), 0, zk.DigestACL(zk.PermAll, "ana", "secret"))
		must(err)
		caughtUp(stranger)
		_, _, err = stranger.Get("/private")
		rejected(zk.ErrNoAuth, err)
		acl, _, err := owner.GetACL("/private")
		must(err)
		that(len(acl) == 1 && acl[0].Scheme == "digest", "acl %v", acl)
		_, err = owner.SetACL("/private", zk.WorldACL(zk.PermRead), 0)
		must(err)
		caughtUp(stranger)
		data, _, err := stranger.Get("/private")
		must(err)
		that(string(data) == "mine", "data %q", data)
	})
}

func fourLetterWords() {
	law("its four-letter words can read what the servers answer", func() {
		stats, fine := zk.FLWSrvr(servers, 5*time.Second)
		for _, each := range stats {
			that(each.Error == nil, "srvr of %s: %v", each.Server, each.Error)
		}
		that(fine, "srvr")
		modes := []string{}
		for _, each := range stats {
			modes = append(modes, each.Mode.String())
		}
		sort.Strings(modes)
		that(strings.Join(modes, " ") == "follower follower leader", "modes %v", modes)
		for i, fine := range zk.FLWRuok(servers, 5*time.Second) {
			that(fine, "ruok of %s", servers[i])
		}
		conn := connect()
		defer conn.Close()
		// It stumbles over the line of its own connection, which has no session, and reads the others.
		clients, _ := zk.FLWCons(servers, 5*time.Second)
		found := false
		for _, server := range clients {
			for _, client := range server.Clients {
				found = found || client.SessionID == conn.SessionID()
			}
		}
		that(found, "cons lists this session")
	})
}

func count(path string, rounds int, kill bool) {
	overseer := connect()
	defer overseer.Close()
	for _, part := range []string{"", "/lock", "/total"} {
		_, err := overseer.Create(path+part, []byte("0"), 0, open)
		must(err)
	}
	var inside, done atomic.Int32
	var workers sync.WaitGroup
	troubles := make(chan any, 3)
	for range 3 {
		workers.Add(1)
		go func() {
			conn := connect()
			defer func() { conn.Close() }()
			defer workers.Done()
			defer func() {
				if trouble := recover(); trouble != nil {
					troubles <- trouble
				}
			}()
			for i := 0; i < rounds; i++ {
				lock := zk.NewLock(conn, path+"/lock", open)
				for err := lock.Lock(); err != nil; err = lock.Lock() {
					that(errors.Is(err, zk.ErrConnectionClosed), "lock: %v", err)
					// This client's Lock leaves its place in the queue behind when the connection is lost while it waits:
					// it would wait for itself. Only the end of the session takes that place away.
					conn.Close()
					conn = connect()
					lock = zk.NewLock(conn, path+"/lock", open)
				}
				that(inside.Add(1) == 1, "two are inside")
				must(again(func() error { _, err := conn.Sync(path + "/total"); return err }))
				var total int
				must(again(func() error {
					data, _, err := conn.Get(path + "/total")
					if err == nil {
						total, err = strconv.Atoi(string(data))
					}
					return err
				}))
				must(again(func() error {
					_, err := conn.Set(path+"/total", []byte(strconv.Itoa(total+1)), -1)
					return err
				}))
				done.Add(1)
				inside.Add(-1)
				// A release whose reply was lost may have taken effect: then there is nothing left to delete.
				if err := again(lock.Unlock); err != nil && !errors.Is(err, zk.ErrNoNode) {
					panic(err)
				}
			}
		}()
	}
	if kill {
		eventually("some rounds", func() bool { return done.Load() >= 10 })
		wish("kill-leader")
	}
	workers.Wait()
	select {
	case trouble := <-troubles:
		panic(trouble)
	default:
	}
	if kill {
		wish("restore")
	}
	must(again(func() error { _, err := overseer.Sync(path + "/total"); return err }))
	data, _, err := overseer.Get(path + "/total")
	must(err)
	that(string(data) == strconv.Itoa(rounds*3), "total %s", data)
}

func failover() {
	law("a watch and an ephemeral outlive the leader, and no acknowledged write is lost", func() {
		watcher, writer := connect(), connect()
		defer writer.Close()
		_, err := watcher.Create("/alive", nil, zk.FlagEphemeral, open)
		must(err)
		_, _, later, err := watcher.ExistsW("/later")
		must(err)
		_, err = writer.Create("/written", []byte("0"), 0, open)
		must(err)
		for i := int32(1); i <= 300; i++ {
			if i == 100 {
				wish("kill-leader")
			}
			err := again(func() error {
				_, err := writer.Set("/written", []byte(strconv.Itoa(int(i))), i-1)
				return err
			})
			if errors.Is(err, zk.ErrBadVersion) { // settled by reading: the write whose reply was lost took effect
				var data []byte
				must(again(func() (err error) { data, _, err = writer.Get("/written"); return err }))
				that(string(data) == strconv.Itoa(int(i)), "at %d it reads %q", i, data)
			} else {
				must(err)
			}
		}
		err = again(func() error { _, err := writer.Create("/later", nil, 0, open); return err })
		that(err == nil || errors.Is(err, zk.ErrNodeExists), "create: %v", err)
		next(later, zk.EventNodeCreated, "/later")
		wish("restore")
		data, stat, err := writer.Get("/written")
		must(err)
		that(string(data) == "300" && stat.Version == 300, "at the end %q, version %d", data, stat.Version)
		_, stat, err = writer.Exists("/alive")
		must(err)
		that(stat.EphemeralOwner == watcher.SessionID(), "the ephemeral is still its session's")
		watcher.Close()
		eventually("closing removes it", func() bool {
			there, _, err := writer.Exists("/alive")
			return err == nil && !there
		})
	})
}
