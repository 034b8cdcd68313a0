import type { LoggerService } from '@backstage/backend-plugin-api';

/** A logger that hands on each line with its level. (`mockServices.logger.mock` needs jest.) */
export function recordingLogger(said: (line: string) => void = () => {}): LoggerService {
  const logger: LoggerService = {
    debug: line => said(`debug: ${line}`),
    info: line => said(`info: ${line}`),
    warn: line => said(`warn: ${line}`),
    error: line => said(`error: ${line}`),
    child: () => logger,
  };
  return logger;
}
