//! Stands in for the crate of this name where no container engine runs: a container of the image `zookeeper` is a process,
//! started by the script in the environment variable `SERVER_SCRIPT` as `SCRIPT start-foreground CONFIGURATION`.

pub mod core {
    use std::collections::HashMap;
    use std::fs::{self, File, OpenOptions};
    use std::io::{Read, Write};
    use std::marker::PhantomData;
    use std::net::{TcpListener, TcpStream};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::Mutex;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    const READY_WITHIN: Duration = Duration::from_secs(60);
    const ENDS_WITHIN: Duration = Duration::from_secs(10);
    const PUBLISHED_PORT: &str = "2181";

    pub enum WaitFor {
        Healthcheck,
    }

    /// What a health check would run: every container is asked over its client port instead.
    #[derive(Default)]
    pub struct Healthcheck;

    impl Healthcheck {
        pub fn with_cmd<C>(self, _command: C) -> Self {
            self
        }
        pub fn with_interval(self, _interval: Duration) -> Self {
            self
        }
        pub fn with_retries(self, _retries: u32) -> Self {
            self
        }
    }

    pub struct RunnableImage<I> {
        pub(crate) environment: HashMap<String, String>,
        pub(crate) image: PhantomData<I>,
        volumes: HashMap<String, String>,
        is_on_host: bool,
    }

    impl<I> RunnableImage<I> {
        pub(crate) fn new(environment: HashMap<String, String>) -> Self {
            Self { environment, image: PhantomData, volumes: HashMap::new(), is_on_host: false }
        }
        /// The file or folder of the host, and where the container believes it to be.
        pub fn with_volume(mut self, (source, destination): (&str, &str)) -> Self {
            self.volumes.insert(destination.to_string(), source.to_string());
            self
        }
        pub fn with_network(mut self, network: &str) -> Self {
            self.is_on_host = network == "host";
            self
        }
    }

    pub struct Container<'a, I> {
        folder: PathBuf,
        environment: HashMap<String, String>,
        /// The port at which clients are served, plain or not.
        port: u16,
        is_plain: bool,
        process: Mutex<Option<Child>>,
        image: PhantomData<(&'a (), I)>,
    }

    impl<I> Container<'_, I> {
        pub(crate) fn run(image: RunnableImage<I>) -> Self {
            let folder = new_folder();
            let configuration = configuration(&image, &folder);
            fs::write(folder.join("zoo.cfg"), &configuration).unwrap();
            let is_plain = !configuration.contains("secureClientPort=");
            let port = client_port(&configuration, &image);
            let environment = image.environment;
            let process = Mutex::new(None);
            let container = Self { folder, environment, port, is_plain, process, image: PhantomData };
            container.start();
            container
        }

        pub fn get_host_port(&self, _internal: u16) -> u16 {
            self.port
        }

        pub fn stdout(&self) -> LogStream {
            LogStream { port: self.port }
        }

        pub fn start(&self) {
            let script = std::env::var("SERVER_SCRIPT").expect("SERVER_SCRIPT");
            let log = OpenOptions::new().create(true).append(true).open(self.folder.join("log.txt")).unwrap();
            let child = Command::new(script)
                .arg("start-foreground")
                .arg(self.folder.join("zoo.cfg"))
                .envs(&self.environment)
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            *self.process.lock().unwrap() = Some(child);
            self.wait_until_ready();
        }

        pub fn stop(&self) {
            let Some(mut child) = self.process.lock().unwrap().take() else { return };
            Command::new("kill").arg(child.id().to_string()).status().unwrap();
            let deadline = Instant::now() + ENDS_WITHIN;
            while child.try_wait().unwrap().is_none() {
                if Instant::now() > deadline {
                    child.kill().unwrap();
                }
                sleep(Duration::from_millis(20));
            }
        }

        fn wait_until_ready(&self) {
            let deadline = Instant::now() + READY_WITHIN;
            loop {
                let is_ready = match self.is_plain {
                    true => ask(self.port, "srvr").contains("Mode: "),
                    false => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
                };
                if is_ready {
                    return;
                }
                assert!(Instant::now() < deadline, "the server is not ready:\n{}", self.log());
                sleep(Duration::from_millis(50));
            }
        }

        fn log(&self) -> String {
            let mut text = String::new();
            File::open(self.folder.join("log.txt")).unwrap().read_to_string(&mut text).unwrap();
            text
        }
    }

    impl<I> Drop for Container<'_, I> {
        fn drop(&mut self) {
            if let Some(mut child) = self.process.lock().unwrap().take() {
                let _ = child.kill();
                let _ = child.wait();
            }
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    /// What a server would print, asked of the server itself.
    pub struct LogStream {
        port: u16,
    }

    impl LogStream {
        pub fn wait_for_message(self, message: &str) -> Result<(), String> {
            assert_eq!(message, "Read-only server started", "the only message that this stand-in understands");
            let deadline = Instant::now() + READY_WITHIN;
            while Instant::now() < deadline {
                if ask(self.port, "isro") == "ro" {
                    return Ok(());
                }
                sleep(Duration::from_millis(50));
            }
            Err("the server did not become read-only".to_string())
        }
    }

    fn new_folder() -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("container-{}-{}", std::process::id(), number));
        fs::create_dir_all(folder.join("data")).unwrap();
        folder
    }

    /// The configuration that the container was given, or the image's own, with this machine's paths and ports.
    fn configuration<I>(image: &RunnableImage<I>, folder: &Path) -> String {
        let own = format!("tickTime=2000\ninitLimit=5\nsyncLimit=2\ndataDir=/data\nclientPort={PUBLISHED_PORT}\n");
        let mut text = match image.volumes.get("/conf/zoo.cfg") {
            Some(file) => fs::read_to_string(file).unwrap(),
            None => own,
        };
        let data = image.volumes.get("/data").cloned().unwrap_or(folder.join("data").display().to_string());
        text = text.replace("dataDir=/data", &format!("dataDir={data}"));
        for (destination, source) in image.volumes.iter().filter(|(destination, _)| *destination != "/data") {
            text = text.replace(destination, source);
        }
        if !image.is_on_host {
            let port = free_port();
            text = text.replace(&format!("lientPort={PUBLISHED_PORT}"), &format!("lientPort={port}"));
        }
        text.push_str("\nadmin.enableServer=false\n4lw.commands.whitelist=srvr,isro\n");
        text
    }

    /// From the line of the client port or, where there is none, from this server's own line.
    fn client_port<I>(configuration: &str, image: &RunnableImage<I>) -> u16 {
        let mut lines = configuration.lines();
        if let Some(line) = lines.find(|line| line.starts_with("clientPort=") || line.starts_with("secureClientPort=")) {
            return line.split('=').nth(1).unwrap().parse().unwrap();
        }
        let id = fs::read_to_string(Path::new(&image.volumes["/data"]).join("myid")).unwrap();
        let own = format!("server.{}=", id.trim());
        let line = configuration.lines().find(|line| line.starts_with(&own)).expect("this server's line");
        line.rsplit(':').next().unwrap().parse().unwrap()
    }

    fn free_port() -> u16 {
        TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    fn ask(port: u16, word: &str) -> String {
        let mut answer = String::new();
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return answer };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let _ = stream.write_all(word.as_bytes());
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

pub mod clients {
    use crate::core::{Container, RunnableImage};
    use crate::images::generic::GenericImage;

    #[derive(Default)]
    pub struct Cli;

    impl Cli {
        pub fn run(&self, image: impl Into<RunnableImage<GenericImage>>) -> Container<'_, GenericImage> {
            Container::run(image.into())
        }
    }
}

pub mod images {
    pub mod generic {
        use crate::core::{Healthcheck, RunnableImage, WaitFor};
        use std::collections::HashMap;

        pub struct GenericImage {
            environment: HashMap<String, String>,
        }

        impl GenericImage {
            pub fn new(_name: &str, _tag: &str) -> Self {
                Self { environment: HashMap::new() }
            }
            pub fn with_env_var(mut self, name: &str, value: String) -> Self {
                self.environment.insert(name.to_string(), value);
                self
            }
            pub fn with_healthcheck(self, _check: Healthcheck) -> Self {
                self
            }
            pub fn with_wait_for(self, _condition: WaitFor) -> Self {
                self
            }
        }

        impl From<GenericImage> for RunnableImage<GenericImage> {
            fn from(image: GenericImage) -> Self {
                RunnableImage::new(image.environment)
            }
        }
    }
}
