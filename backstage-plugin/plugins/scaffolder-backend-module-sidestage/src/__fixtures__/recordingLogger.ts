import type { LoggerService } from '@backstage/backend-plugin-api';

/** A logger that hands on each line with its level, and what came with it. (`mockServices.logger.mock` needs jest.) */
export function recordingLogger(said: (line: string, meta?: unknown) => void = () => {}): LoggerService {
  const logger: LoggerService = {
    debug: (line, meta) => said(`debug: ${line}`, meta),
    info: (line, meta) => said(`info: ${line}`, meta),
    warn: (line, meta) => said(`warn: ${line}`, meta),
    error: (line, meta) => said(`error: ${line}`, meta),
    child: () => logger,
  };
  return logger;
}
